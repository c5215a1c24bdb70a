using EgressAgent.Engine.Reconcile;
using EgressAgent.Linux.Files;
using EgressAgent.Model;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Daemon.Watch;

/// <summary>
/// Follows the directory of router files on a thread of its own, and tells the reconciler what they want. A file that is removed
/// removes its routers; a file, or a directory, that cannot be read does not.
/// </summary>
internal sealed partial class RouterFilesWatcher : IDisposable
{
    private static readonly TimeSpan AbsentRetry = TimeSpan.FromSeconds(1);

    private readonly string _directory;
    private readonly RouterFileCache _cache;
    private readonly Action<IReadOnlyList<RouterIntent>> _submit;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private readonly ManualResetEventSlim _stop = new();
    private readonly HashSet<Diagnostic> _reported = [];
    private readonly HashSet<RouterKey> _unclaimed;
    private Dictionary<RouterKey, EgressRouterResource> _inForce;
    private Dictionary<RouterKey, RouterIntent> _intents = [];
    private DirectoryWatch? _watch;
    private Thread? _thread;
    private bool _wasLost;

    /// <param name="directory">It need not exist yet.</param>
    /// <param name="inForce">The last good specs of the routers that ran before, with the files they came from.</param>
    /// <param name="inKernel">The routers that are in the kernel, be they in force by the agent's knowledge or not.</param>
    /// <param name="submit">Takes what the files want; called under a lock, and returns at once.</param>
    /// <param name="logger">For faults in files.</param>
    internal RouterFilesWatcher(
        string directory,
        IEnumerable<EgressRouterResource> inForce,
        IEnumerable<RouterKey> inKernel,
        Action<IReadOnlyList<RouterIntent>> submit,
        ILogger logger)
    {
        _directory = directory;
        _cache = new RouterFileCache(directory);
        _inForce = inForce.ToDictionary(router => router.Key);
        _unclaimed = [.. inKernel];
        _submit = submit;
        _logger = logger;
    }

    /// <summary>Reads everything, submits it, and goes on watching. The first submission has happened when this returns.</summary>
    /// <exception cref="Linux.LinuxException">The directory cannot be watched.</exception>
    internal void Start()
    {
        // The watch comes first, so that nothing that changes after the reading is missed.
        _watch = DirectoryWatch.TryOpen(_directory);
        if (_watch is null)
        {
            LogAbsent(_directory);
        }
        else
        {
            Reload();
        }

        _thread = new Thread(Run) { Name = "watch-files", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Looks at all files again, whatever was seen of them.</summary>
    internal void Reload()
    {
        lock (_lock)
        {
            if (_cache.RefreshAll() is null)
            {
                LogUnreadable(_directory);
                return;
            }

            // What was mounted here before may come back: emptiness then is no wish to remove everything.
            if (_wasLost && !_cache.Files.Any() && _intents.Count > 0)
            {
                LogEmptyAfterLoss(_directory);
                return;
            }

            _wasLost = false;
            Submit();
        }
    }

    public void Dispose()
    {
        _stop.Set();
        Volatile.Read(ref _watch)?.Cancel();
        _thread?.Join();
        _watch?.Dispose();
        _stop.Dispose();
    }

    private void Run()
    {
        while (!_stop.IsSet)
        {
            if (_watch is null)
            {
                WaitForDirectory();
            }
            else
            {
                Handle(_watch, _watch.Wait());
            }
        }
    }

    private void Handle(DirectoryWatch watch, DirectoryChange change)
    {
        if (_stop.IsSet)
        {
            return;
        }

        if (change.IsLost)
        {
            LogLost(_directory);
            _wasLost = true;
            Volatile.Write(ref _watch, null);
            watch.Dispose();
        }
        else if (change.IsOverflow)
        {
            Reload();
        }
        else
        {
            Apply(change.Names);
        }
    }

    private void WaitForDirectory()
    {
        if (!_stop.Wait(AbsentRetry) && DirectoryWatch.TryOpen(_directory) is { } watch)
        {
            Volatile.Write(ref _watch, watch);
            LogFound(_directory);
            Reload();
        }
    }

    private void Apply(IReadOnlySet<string> names)
    {
        lock (_lock)
        {
            if (_cache.Refresh(names))
            {
                _wasLost = false;
                Submit();
            }
        }
    }

    private void Submit()
    {
        RouterCatalog catalog = RouterCatalog.Merge(_cache.Files, _inForce);
        Dictionary<RouterKey, RouterIntent> intents = catalog.Routers.ToDictionary(entry => entry.Key, ToIntent);
        RouterIntent[] submission =
        [
            .. Removals(intents),
            .. intents.Values.Where(intent => !_intents.TryGetValue(intent.Key, out RouterIntent? before) || before != intent),
        ];

        Report(catalog);
        _inForce = catalog.Routers.Select(entry => entry.Router).OfType<EgressRouterResource>().ToDictionary(router => router.Key);
        _intents = intents;
        _submit(submission);
    }

    private IEnumerable<RouterIntent> Removals(Dictionary<RouterKey, RouterIntent> intents)
    {
        Dictionary<RouterKey, string> gone = _inForce.Values.ToDictionary(router => router.Key, router => router.Source.File);
        foreach (RouterIntent intent in _intents.Values)
        {
            gone[intent.Key] = intent.File;
        }

        // A router in the kernel that neither a file nor the state knows lost its file while no agent ran, and the state with
        // it; unless a file cannot be read, and it is that file's.
        if (_cache.Files.All(file => file.IsComplete))
        {
            foreach (RouterKey key in _unclaimed)
            {
                gone.TryAdd(key, "");
            }

            _unclaimed.Clear();
        }

        return gone.Where(router => !intents.ContainsKey(router.Key)).Select(router => RouterIntent.Remove(router.Key, router.Value));
    }

    private static RouterIntent ToIntent(RouterCatalogEntry entry) => entry is { IsCurrent: true, Router: { } router }
        ? RouterIntent.Run(router)
        : RouterIntent.KeepLastGood(
            entry.Key,
            entry.Source.File,
            entry.Router,
            entry.Diagnostics.Where(finding => finding.Severity == DiagnosticSeverity.Error).ToValueList());

    // Each finding once, as long as it stands.
    private void Report(RouterCatalog catalog)
    {
        HashSet<Diagnostic> standing = [.. _cache.Files.SelectMany(file => file.AllDiagnostics), .. catalog.Conflicts];
        foreach (Diagnostic finding in standing.Except(_reported).OrderBy(finding => finding.Location.File).ThenBy(finding => finding.Location.Line))
        {
            if (finding.Severity == DiagnosticSeverity.Error)
            {
                LogFault(finding);
            }
            else
            {
                LogWarning(finding);
            }
        }

        _reported.Clear();
        _reported.UnionWith(standing);
    }
}
