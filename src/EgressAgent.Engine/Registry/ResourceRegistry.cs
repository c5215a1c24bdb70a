using System.Net.NetworkInformation;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using EgressAgent.Model.Validation;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Engine.Registry;

/// <summary>
/// The one place where it is known what the files want, what was last good, and what was allocated, with the place in the files. The
/// watcher tells it what the files say; reconciler, state database and bus read it. Thread-safe.
/// </summary>
public sealed partial class ResourceRegistry : IDisposable
{
    private readonly Lock _lock = new();
    private readonly ILogger _logger;
    private readonly AgentConfiguration _configuration;
    private readonly ResourceAddresses _addresses;
    private readonly StateWriter _state;
    private readonly Dictionary<ResourceKey, RegisteredResource> _resources = [];
    private readonly Dictionary<string, RouterFile> _files = new(StringComparer.Ordinal);
    private ValueList<Diagnostic> _conflicts = [];
    private Finding? _directoryFault;

    // That the directory is empty means something only when a file was seen in it.
    private bool _hasSeenFiles;

    /// <param name="store">What it knew is taken over. One that cannot be read or written now is tried again.</param>
    /// <param name="configuration">The agent's settings.</param>
    /// <param name="machineId">From which MAC addresses are derived.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">For what is wrong with files and state, and for its end.</param>
    public ResourceRegistry(IResourceStore store, AgentConfiguration configuration, string machineId, TimeProvider time, ILogger logger)
    {
        _logger = logger;
        _configuration = configuration;
        _addresses = new ResourceAddresses(configuration, machineId);
        _state = new StateWriter(this, store, time);
        _state.Start();
    }

    /// <summary>Raised after a change, on the thread that made it. Handlers return at once.</summary>
    public event Action<RegistryChange>? Changed;

    /// <summary>The routers that are to run, and those that are to be removed; by key.</summary>
    public IReadOnlyList<RegisteredRouter> Routers => All<RegisteredRouter>();

    /// <summary>The Services, by key.</summary>
    public IReadOnlyList<RegisteredService> Services => All<RegisteredService>();

    /// <summary>The router files that are there, good or not, by path.</summary>
    public IReadOnlyList<string> Files
    {
        get
        {
            lock (_lock)
            {
                return [.. _files.Keys.Order(StringComparer.Ordinal)];
            }
        }
    }

    public RegisteredRouter? Find(RouterKey key) => (RegisteredRouter?)Find((ResourceKey)key);

    public RegisteredResource? Find(ResourceKey key)
    {
        lock (_lock)
        {
            return _resources.GetValueOrDefault(key);
        }
    }

    /// <summary>Takes in what the files say.</summary>
    public void Apply(FilesReading reading)
    {
        RegistryChange change;
        lock (_lock)
        {
            foreach (string path in reading.Gone)
            {
                _files.Remove(path);
            }

            foreach (RouterFile file in reading.Read)
            {
                _files[file.Path] = file;
            }

            _hasSeenFiles = _files.Count > 0 || (_hasSeenFiles && !reading.IsFirst);
            _directoryFault = WhyKept(reading) is { } why
                ? new Finding(EventIds.DirectoryUnreadable, new Diagnostic(new SourceLocation(reading.Directory, 0, 0), "", why))
                : null;
            change = Merge(reading.Read);
            if (reading.IsFirst)
            {
                // Those that only the kernel shows are nobody's business yet.
                change = change with { Resources = [.. _resources.Values.Where(resource => resource.HasGood || resource.Faults.Count > 0 || resource.IsRemoved).Select(resource => resource.Id)] };
            }
        }

        Publish(change);
    }

    /// <summary>Notes a router that the kernel shows and nothing else knows. Unless a file turns out to want it, it is removed.</summary>
    /// <param name="key">The router.</param>
    /// <param name="inside">The inside addresses that it has there; no other router gets them.</param>
    /// <param name="mac">The MAC that it has there; null when that cannot be told.</param>
    internal void Adopt(RouterKey key, ValueList<InterfaceAddress> inside, PhysicalAddress? mac)
    {
        lock (_lock)
        {
            _resources.TryAdd(key, _addresses.Adopt(key, inside, mac));
        }
    }

    /// <summary>Takes what became of a router into its history, unless the last event there says the same.</summary>
    internal void Remember(RouterTransition transition)
    {
        if (transition.Event is not { } happened)
        {
            return;
        }

        lock (_lock)
        {
            if (Find(transition.Key) is not { } router || (router.History is [.., var last] && last.SaysTheSameAs(happened)))
            {
                return;
            }

            _resources[router.Id] = router.With(happened);
        }

        _state.WakeSoon();
    }

    /// <summary>Returns when what a router or Service was given may be used: when it can be told again, or is on disk.</summary>
    /// <exception cref="IOException">It could not be saved.</exception>
    internal void EnsureSaved(RegisteredResource resource)
    {
        if (resource.MustBeSaved)
        {
            _state.EnsureSaved(resource);
        }
    }

    /// <summary>Notes where a router stands, for its next plans and for the next agent.</summary>
    internal void Note(RouterKey key, RouterFooting footing)
    {
        lock (_lock)
        {
            if (_resources.GetValueOrDefault(key) is not RegisteredRouter router || router.Footing == footing)
            {
                return;
            }

            _resources[key] = router with { Footing = footing };
        }

        _state.Wake();
    }

    /// <summary>Forgets a router of which the kernel has nothing left. False when a file wants it again.</summary>
    internal bool TryForget(RouterKey key)
    {
        RegistryChange change;
        lock (_lock)
        {
            if (_resources.GetValueOrDefault(key) is { IsRemoved: false })
            {
                return false;
            }

            IEnumerable<ResourceKey> waiting = All<RegisteredRouter>().Where(router => FindLeaving(router)?.Key == key).Select(router => router.Id).ToArray();
            _resources.Remove(key);
            _addresses.Release(key);
            foreach (RegisteredRouter router in All<RegisteredRouter>().Where(router => router is { AllocationProblem: not null, Wanted: not null }))
            {
                _resources[router.Id] = _addresses.Allocate(router);
                waiting = waiting.Append(router.Id);
            }

            change = new RegistryChange([.. waiting.Distinct()], AreFaultsChanged: false);
        }

        _state.Wake();
        Publish(change);
        return true;
    }

    /// <summary>The router that is being removed and still has an address that another one is to have; null when there is none.</summary>
    internal RegisteredRouter? FindLeaving(RegisteredRouter router)
    {
        lock (_lock)
        {
            // Asked in every pass of every router, of which few are ever removed.
            return router.Wanted is not { } wanted ? null : _resources.Values.OfType<RegisteredRouter>().Where(other => other is { IsRemoved: true, LastGood: { } former }
                && (former.Spec.Addresses.Any(address => wanted.Spec.Addresses.Any(own => own.Address.Address.Equals(address.Address.Address)))
                    || other.Allocation!.InsideAddresses.Any(inside => wanted.Spec.PinnedInsideAddresses.Contains(inside.Address)))).MinBy(other => other.Key);
        }
    }

    /// <summary>Has all of it saved again, on the registry's own thread: something is wrong with the state, or was.</summary>
    public void SaveAll() => _state.WakeForAll();

    /// <summary>Saves what is not saved yet, if that is possible.</summary>
    public void Dispose() => _state.Dispose();

    /// <summary>Takes over what the state knows, for as far as it is not known better.</summary>
    internal void Restore(IEnumerable<ResourceRecord> records)
    {
        RegistryChange change;
        lock (_lock)
        {
            foreach (ResourceRecord record in records.Where(record => _resources.GetValueOrDefault(record.Id) is null or { HasGood: false }))
            {
                _resources[record.Id] = record.ToResource(_addresses.Restore(record));
            }

            change = Merge(_files.Values);
        }

        Publish(change);
    }

    internal IReadOnlyList<ResourceRecord> Records()
    {
        lock (_lock)
        {
            return [.. _resources.Values.Select(resource => resource.ToRecord()).OfType<ResourceRecord>()];
        }
    }

    private string? WhyKept(FilesReading reading) =>
        reading.Problem is not null ? $"{reading.Problem}; the routers that ran are kept"
        : !_hasSeenFiles && _resources.Count > 0
            ? "no router file is here, as if its file system were not mounted; the routers that ran are kept until there is a file; "
                + "to remove them all: egress-agentd cleanup"
        : null;

    /// <summary>Works out what is to run from all files and what ran.</summary>
    /// <param name="seen">The files whose text is news.</param>
    private RegistryChange Merge(IReadOnlyCollection<RouterFile> seen)
    {
        Dictionary<ResourceKey, RegisteredResource> before = new(_resources);
        if (_hasSeenFiles)
        {
            MergeFiles(seen);
        }

        foreach (RegisteredResource resource in _resources.Values
            .Where(resource => resource is { WantedResource: not null, IsRemoved: false })
            .OrderBy(resource => !ResourceAddresses.HasPins(resource))
            .ThenBy(resource => resource.Id)
            .ToArray())
        {
            _resources[resource.Id] = _addresses.Allocate(resource);
        }

        FindRoutersBehindServices();
        RegisteredResource[] changed = [.. _resources.Values.Where(resource => resource != before.GetValueOrDefault(resource.Id))];
        foreach (RegisteredResource resource in changed.Where(resource => resource.Generation != (before.GetValueOrDefault(resource.Id)?.Generation ?? 0)))
        {
            LogAccepted(resource);
        }

        IEnumerable<ResourceKey> gone = before.Keys.Where(key => !_resources.ContainsKey(key));
        return new RegistryChange([.. changed.Select(resource => resource.Id), .. gone], NoteFindings());
    }

    private void MergeFiles(IReadOnlyCollection<RouterFile> seen)
    {
        ResourceCatalog catalog = ResourceCatalog.Merge(_files.Values, FindRunning(seen), _configuration);
        HashSet<ResourceKey> named = [.. catalog.Entries.Select(entry => entry.Key)];
        foreach (ResourceCatalogEntry entry in catalog.Entries)
        {
            _resources[entry.Key] = (_resources.GetValueOrDefault(entry.Key) ?? RegisteredResource.New(entry.Key)).Update(entry);
        }

        // One that only the kernel shows may be of a file that cannot be read.
        bool isComplete = _files.Values.All(file => file.IsComplete);
        foreach (RegisteredResource resource in _resources.Values.Where(resource => !named.Contains(resource.Id) && (resource.HasGood || isComplete)).ToArray())
        {
            Remove(resource);
        }

        _conflicts = catalog.Conflicts;
    }

    // A router is forgotten when the kernel has nothing of it left. Of a Service the kernel has nothing that one step does not take.
    private void Remove(RegisteredResource resource)
    {
        if (resource is RegisteredRouter)
        {
            _resources[resource.Id] = resource.Want(null) with { Faults = [], IsRemoved = true };
        }
        else
        {
            _resources.Remove(resource.Id);
            _addresses.Release(resource.Id);
        }
    }

    // A file that was renamed, or whose document went into another one, may be one of those that cannot be read.
    private Dictionary<ResourceKey, IResource> FindRunning(IReadOnlyCollection<RouterFile> seen)
    {
        HashSet<ResourceKey> named = [.. _files.Values.SelectMany(file => file.Documents).Select(document => document.Key).OfType<ResourceKey>()];
        RouterFile? unread = seen.Where(file => !file.IsComplete).MinBy(file => file.Path, StringComparer.Ordinal);
        Dictionary<ResourceKey, IResource> running = [];
        foreach (RegisteredResource resource in _resources.Values.Where(resource => resource is { WantedResource: not null, IsRemoved: false }))
        {
            IResource wanted = resource.WantedResource!;
            bool isLost = !named.Contains(resource.Id) && !(_files.TryGetValue(wanted.Source.File, out RouterFile? file) && !file.IsComplete);
            running.Add(resource.Id, isLost && unread is not null ? wanted.At(new SourceLocation(unread.Path, 0, 0)) : wanted);
        }

        return running;
    }

    private void FindRoutersBehindServices()
    {
        ServiceResource[] services = [.. All<RegisteredService>().Select(service => service.Wanted).OfType<ServiceResource>()];
        ServiceResource[] withAddress = [.. services.Where(service => !service.Spec.IsHeadless)];
        ServiceResource[] withExternal = [.. services.Where(service => service.Spec.ExternalAddresses.Count > 0)];
        foreach (RegisteredRouter router in All<RegisteredRouter>())
        {
            bool isBehind = router.Wanted is { } wanted && withAddress.Any(service => service.Selects(router.Key, wanted.Labels));
            ValueList<ExternalPort> external =
            [
                .. from service in withExternal
                   where router.Wanted is { } resource && service.Selects(router.Key, resource.Labels)
                   from address in service.Spec.ExternalAddresses
                   from port in service.Spec.Ports
                   select new ExternalPort(address, port.Protocol, port.Port, port.TargetPort),
            ];
            if (isBehind != router.IsBehindService || !external.Equals(router.ExternalPorts))
            {
                _resources[router.Id] = router with { IsBehindService = isBehind, ExternalPorts = external };
            }
        }
    }

    private void Publish(RegistryChange change)
    {
        if (change.Resources.Count > 0)
        {
            _state.Wake();
        }

        if (change.Resources.Count > 0 || change.AreFaultsChanged)
        {
            Changed?.Invoke(change);
        }
    }

    private List<T> All<T>()
        where T : RegisteredResource
    {
        lock (_lock)
        {
            return [.. _resources.Values.OfType<T>().OrderBy(resource => resource.Id)];
        }
    }
}
