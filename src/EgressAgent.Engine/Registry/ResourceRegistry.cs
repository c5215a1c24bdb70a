using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Configuration;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
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
    private readonly string _machineId;
    private readonly ILogger _logger;
    private readonly ValueList<IPNetwork> _insideNetworks;
    private readonly AddressBook _addresses;
    private readonly StateWriter _state;
    private readonly Dictionary<ResourceKey, RegisteredRouter> _routers = [];
    private readonly Dictionary<string, RouterFile> _files = new(StringComparer.Ordinal);
    private readonly HashSet<Finding> _findings = [];
    private ValueList<Diagnostic> _conflicts = [];
    private Finding? _directoryFault;
    private Finding? _stateFault;
    private ValueList<Diagnostic> _settings = [];

    // That the directory is empty means something only when a file was seen in it.
    private bool _hasSeenFiles;

    /// <param name="store">What it knew is taken over. One that cannot be read or written now is tried again.</param>
    /// <param name="configuration">The agent's settings.</param>
    /// <param name="machineId">From which MAC addresses are derived.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">For what is wrong with files and state, and for its end.</param>
    public ResourceRegistry(IRouterStore store, AgentConfiguration configuration, string machineId, TimeProvider time, ILogger logger)
    {
        _machineId = machineId;
        _logger = logger;
        _addresses = new AddressBook(configuration.InsideNetworks);
        _insideNetworks = configuration.InsideNetworks;
        _state = new StateWriter(this, store, time);
        _state.Start();
    }

    /// <summary>Raised after a change, on the thread that made it. Handlers return at once.</summary>
    public event Action<RegistryChange>? Changed;

    /// <summary>All that stands wrong in the files, with the directory and with the state; by file, then by place.</summary>
    public ValueList<Diagnostic> Faults
    {
        get
        {
            lock (_lock)
            {
                return
                [
                    .. _findings.Select(finding => finding.Diagnostic)
                        .Where(fault => fault.Severity == DiagnosticSeverity.Error)
                        .OrderBy(fault => fault.Location.File, StringComparer.Ordinal)
                        .ThenBy(fault => fault.Location.Line)
                        .ThenBy(fault => fault.Location.Column),
                ];
            }
        }
    }

    /// <summary>Those that are to run, and those that are to be removed; by key.</summary>
    public IReadOnlyList<RegisteredRouter> Routers
    {
        get
        {
            lock (_lock)
            {
                return [.. _routers.Values.OrderBy(router => router.Key)];
            }
        }
    }

    public RegisteredRouter? Find(RouterKey key)
    {
        lock (_lock)
        {
            return _routers.GetValueOrDefault(key);
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
                change = change with { Routers = [.. _routers.Values.Where(router => router.LastGood is not null || router.Faults.Count > 0 || router.IsRemoved).Select(router => router.Key)] };
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
            _routers.TryAdd(key, new RegisteredRouter
            {
                Key = key,
                Allocation = new RouterAllocation(_addresses.Restore(key, inside), mac ?? InsideAddressAllocator.DeriveMac(_machineId, key)),
            });
        }
    }

    /// <summary>Returns when what the router was given may be used: when it can be told again, or is on disk.</summary>
    /// <exception cref="IOException">It could not be saved.</exception>
    internal void EnsureSaved(RegisteredRouter router)
    {
        if (router.MustBeSaved)
        {
            _state.EnsureSaved(router);
        }
    }

    /// <summary>Forgets a router of which the kernel has nothing left. False when a file wants it again.</summary>
    internal bool TryForget(RouterKey key)
    {
        RegistryChange change;
        lock (_lock)
        {
            if (_routers.GetValueOrDefault(key) is { IsRemoved: false })
            {
                return false;
            }

            IEnumerable<RouterKey> waiting = _routers.Values.Where(router => FindLeaving(router)?.Key == key).Select(router => router.Key).ToArray();
            _routers.Remove(key);
            _addresses.Release(key);
            foreach (RegisteredRouter router in _routers.Values.Where(router => router is { AllocationProblem: not null, Wanted: not null }).ToArray())
            {
                _routers[router.Key] = Allocate(router);
                waiting = waiting.Append(router.Key);
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
            return router.Wanted is not { } wanted ? null : _routers.Values.FirstOrDefault(other => other is { IsRemoved: true, LastGood: { } former }
                && (former.Spec.Addresses.Any(address => wanted.Spec.Addresses.Any(own => own.Address.Address.Equals(address.Address.Address)))
                    || other.Allocation!.InsideAddresses.Any(inside => wanted.Spec.PinnedInsideAddresses.Contains(inside.Address))));
        }
    }

    /// <summary>Saves what is not saved yet, if that is possible.</summary>
    public void Dispose() => _state.Dispose();

    /// <summary>Takes over what the state knows, for as far as it is not known better.</summary>
    internal void Restore(IEnumerable<RouterRecord> records)
    {
        RegistryChange change;
        lock (_lock)
        {
            foreach (RouterRecord record in records)
            {
                RegisteredRouter? known = _routers.GetValueOrDefault(record.Key);
                if (known?.LastGood is null)
                {
                    _routers[record.Key] = (known ?? new RegisteredRouter { Key = record.Key }) with
                    {
                        Source = record.LastGood.Source,
                        Wanted = record.IsRemoved ? null : record.LastGood,
                        LastGood = record.LastGood,
                        IsRemoved = record.IsRemoved,
                        Generation = record.Generation,
                        Allocation = record.Allocation with { InsideAddresses = _addresses.Restore(record.Key, record.Allocation.InsideAddresses) },
                    };
                }
            }

            change = Merge(_files.Values);
        }

        Publish(change);
    }

    internal IReadOnlyList<RouterRecord> Records()
    {
        lock (_lock)
        {
            return [.. _routers.Values.Select(router => router.ToRecord()).OfType<RouterRecord>()];
        }
    }

    /// <summary>Notes why the state cannot be read or written, or that it can.</summary>
    internal void NoteState(string path, string? fault)
    {
        bool isChanged;
        lock (_lock)
        {
            _stateFault = fault is null ? null : new Finding(EventIds.StateNotSaved, new Diagnostic(new SourceLocation(path, 0, 0), "", fault));
            isChanged = NoteFindings();
        }

        Publish(new RegistryChange([], isChanged));
    }

    /// <summary>Notes what is wrong with the agent's settings, or odd about them.</summary>
    public void NoteSettings(ValueList<Diagnostic> findings)
    {
        bool isChanged;
        lock (_lock)
        {
            _settings = findings;
            isChanged = NoteFindings();
        }

        Publish(new RegistryChange([], isChanged));
    }

    private string? WhyKept(FilesReading reading) =>
        reading.Problem is not null ? $"{reading.Problem}; the routers that ran are kept"
        : !_hasSeenFiles && _routers.Count > 0
            ? "no router file is here, as if its file system were not mounted; the routers that ran are kept until there is a file; "
                + "to remove them all: egress-agentd cleanup"
        : null;

    /// <summary>Works out what is to run from all files and what ran.</summary>
    /// <param name="seen">The files whose text is news.</param>
    private RegistryChange Merge(IReadOnlyCollection<RouterFile> seen)
    {
        Dictionary<ResourceKey, RegisteredRouter> before = new(_routers);
        if (_hasSeenFiles)
        {
            MergeFiles(seen);
        }

        foreach (RegisteredRouter router in _routers.Values
            .Where(router => router is { Wanted: not null, IsRemoved: false })
            .OrderBy(router => router.Wanted!.Spec.PinnedInsideAddresses.Count == 0)
            .ThenBy(router => router.Key)
            .ToArray())
        {
            _routers[router.Key] = Allocate(router);
        }

        RegisteredRouter[] changed = [.. _routers.Values.Where(router => router != before.GetValueOrDefault(router.Key))];
        foreach (RegisteredRouter router in changed.Where(router => router.Generation != (before.GetValueOrDefault(router.Key)?.Generation ?? 0)))
        {
            string inside = router.Allocation!.InsideAddresses.Count == 0 ? "no address yet" : string.Join(", ", router.Allocation.InsideAddresses);
            LogAccepted(router.Key, router.Generation, router.Source.ToString(), inside, router.Allocation.Mac.ToColonString());
        }

        return new RegistryChange([.. changed.Select(router => router.Key)], NoteFindings());
    }

    private void MergeFiles(IReadOnlyCollection<RouterFile> seen)
    {
        RouterCatalog catalog = RouterCatalog.Merge(_files.Values, FindRunning(seen), _insideNetworks);
        HashSet<RouterKey> named = [.. catalog.Routers.Select(entry => entry.Key)];
        foreach (RouterCatalogEntry entry in catalog.Routers)
        {
            _routers[entry.Key] = Update(_routers.GetValueOrDefault(entry.Key) ?? new RegisteredRouter { Key = entry.Key }, entry);
        }

        // One that only the kernel shows may be of a file that cannot be read.
        bool isComplete = _files.Values.All(file => file.IsComplete);
        foreach (RegisteredRouter router in _routers.Values.Where(router => !named.Contains(router.Key) && (router.LastGood is not null || isComplete)).ToArray())
        {
            _routers[router.Key] = router with { Wanted = null, Faults = [], IsRemoved = true };
        }

        _conflicts = catalog.Conflicts;
    }

    // A file that was renamed, or whose document went into another one, may be one of those that cannot be read.
    private Dictionary<RouterKey, EgressRouterResource> FindRunning(IReadOnlyCollection<RouterFile> seen)
    {
        HashSet<RouterKey> named = [.. _files.Values.SelectMany(file => file.Documents).Select(document => document.Key).OfType<RouterKey>()];
        RouterFile? unread = seen.Where(file => !file.IsComplete).MinBy(file => file.Path, StringComparer.Ordinal);
        Dictionary<RouterKey, EgressRouterResource> running = [];
        foreach (RegisteredRouter router in _routers.Values.Where(router => router is { Wanted: not null, IsRemoved: false }))
        {
            EgressRouterResource wanted = router.Wanted!;
            bool isLost = !named.Contains(router.Key) && !(_files.TryGetValue(wanted.Source.File, out RouterFile? file) && !file.IsComplete);
            running.Add(router.Key, isLost && unread is not null ? wanted with { Source = new SourceLocation(unread.Path, 0, 0) } : wanted);
        }

        return running;
    }

    private static RegisteredRouter Update(RegisteredRouter router, RouterCatalogEntry entry)
    {
        router = router with
        {
            Source = entry.Source,
            Wanted = entry.Router,
            Faults = entry.IsCurrent ? [] : entry.Diagnostics.Where(finding => finding.Severity == DiagnosticSeverity.Error).ToValueList(),
            IsRemoved = false,
        };
        return entry.Router is null ? router : router with
        {
            LastGood = entry.Router,
            Generation = router.Generation + (router.LastGood?.Spec == entry.Router.Spec ? 0 : 1),
        };
    }

    private RegisteredRouter Allocate(RegisteredRouter router)
    {
        EgressRouterSpec spec = router.Wanted!.Spec;
        ValueList<InterfaceAddress> inside = _addresses.Allocate(
            router.Key, spec.PinnedInsideAddresses, spec.Addresses.Select(address => address.Address.Family).Distinct().Order(), out PlanProblem? problem);
        IEnumerable<InterfaceAddress> given = inside.Except(router.Allocation?.InsideAddresses ?? []);
        return router with
        {
            Allocation = new RouterAllocation(inside, router.Allocation?.Mac ?? InsideAddressAllocator.DeriveMac(_machineId, router.Key)),
            AllocationProblem = problem,
            MustBeSaved = router.MustBeSaved || !AddressBook.AreDerived(router.Key, spec.PinnedInsideAddresses, given),
        };
    }

    private void Publish(RegistryChange change)
    {
        if (change.Routers.Count > 0)
        {
            _state.Wake();
        }

        if (change.Routers.Count > 0 || change.AreFaultsChanged)
        {
            Changed?.Invoke(change);
        }
    }
}
