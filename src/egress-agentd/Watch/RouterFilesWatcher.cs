using EgressAgent.Engine;
using EgressAgent.Engine.Registry;
using EgressAgent.Linux;
using EgressAgent.Linux.Files;
using EgressAgent.Model.Validation;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Daemon.Watch;

/// <summary>
/// Follows the directory of router files on a thread of its own, and tells what it finds. It keeps nothing but which version of each
/// file was read. What the kernel does not tell of, it sees by looking.
/// </summary>
internal sealed partial class RouterFilesWatcher : IDisposable
{
    // How often it is looked whether the directory is there, and whether it is still the one that is watched.
    private static readonly TimeSpan Glance = TimeSpan.FromSeconds(1);

    // How often all files are looked at, beside what the kernel tells, and where it tells nothing.
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan LookUnwatched = TimeSpan.FromSeconds(2);

    private readonly string _directory;
    private readonly FileVersions _versions;
    private readonly Action<FilesReading> _apply;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly ManualResetEventSlim _stop = new();
    private DirectoryWatch? _watch;
    private Thread? _thread;
    private bool _isFirst = true;
    private bool _hasToldProblem;
    private bool _areDependenciesKnown = true;
    private string? _whyUnwatched;
    private string? _toldWhyUnwatched;
    private long _lastLook;

    /// <param name="directory">It need not exist yet.</param>
    /// <param name="apply">Takes what was found; called under a lock, and returns soon.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">For what no file is to blame for.</param>
    internal RouterFilesWatcher(string directory, Action<FilesReading> apply, TimeProvider time, ILogger logger)
    {
        _directory = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        _versions = new FileVersions(_directory, time);
        _apply = apply;
        _time = time;
        _logger = logger;
    }

    /// <summary>Reads everything, and goes on watching. What was there has been told when this returns.</summary>
    internal void Start()
    {
        // The watch comes first, so that nothing that changes after the reading is missed.
        TryWatch();
        if (Directory.Exists(_directory))
        {
            Reload();
        }
        else
        {
            Tell("is not there, and waited for");
        }

        WatchDependencies();
        _thread = new Thread(Run) { Name = "watch-files", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Looks at all files again, whatever was seen of them.</summary>
    internal void Reload() => LookAtAll(Belief.AsItIs);

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
            try
            {
                Step();
            }
            catch (Exception exception)
            {
                // Whatever it was: the thread goes on, and looks again.
                LogFailed(exception);
                _stop.Wait(Glance);
            }
        }
    }

    private void Step()
    {
        if (_watch is { } watch)
        {
            Handle(watch, watch.Wait(_versions.IsWaiting ? FileVersions.Replacement : Glance));
        }
        else if (!_stop.Wait(Glance))
        {
            HandleUnwatched();
        }

        if (!_stop.IsSet)
        {
            WatchDependencies();
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
            Forget(watch);
            Tell("was removed, renamed or unmounted");
        }
        else if (!watch.IsCurrent)
        {
            Forget(watch);
            lock (_lock)
            {
                _isFirst = true;
            }

            TryWatch();
            Reload();
        }
        else if (change.IsOverflow)
        {
            Reload();
        }
        else if (!change.IsNothing)
        {
            Apply(change);
        }
        else if (_versions.IsWaiting || _time.GetElapsedTime(_lastLook) >= Look)
        {
            LookAtAll(Belief.AsSeen);
        }
    }

    // No directory, or no watch for it.
    private void HandleUnwatched()
    {
        bool wasUnwatched = _whyUnwatched is not null;
        TryWatch();
        if (_watch is not null)
        {
            Reload();
        }
        else if (_whyUnwatched is null)
        {
            Tell("is not there, and waited for");
        }
        else if (!wasUnwatched || _versions.IsWaiting || _time.GetElapsedTime(_lastLook) >= LookUnwatched)
        {
            LookAtAll(Belief.AsSeen);
        }
    }

    private void TryWatch()
    {
        try
        {
            Volatile.Write(ref _watch, DirectoryWatch.TryOpen(_directory));
            _areDependenciesKnown = false;
            _whyUnwatched = null;
        }
        catch (LinuxException exception)
        {
            _whyUnwatched = exception.Message;
        }

        if (_whyUnwatched is not null && _toldWhyUnwatched is null)
        {
            LogUnwatched(_directory, (int)LookUnwatched.TotalSeconds, _whyUnwatched);
            _toldWhyUnwatched = _whyUnwatched;
        }
        else if (_watch is not null && _toldWhyUnwatched is not null)
        {
            LogWatched(_directory);
            _toldWhyUnwatched = null;
        }
    }

    private void Forget(DirectoryWatch watch)
    {
        Volatile.Write(ref _watch, null);
        watch.Dispose();
    }

    private void WatchDependencies()
    {
        lock (_lock)
        {
            if (_watch is { } watch && !_areDependenciesKnown)
            {
                _areDependenciesKnown = true;
                watch.WatchElsewhere(_versions.NamesElsewhere, _versions.FilesWithNames);

                // What changed before the watch stood.
                string[] dependent = [.. _versions.DependentNames];
                if (dependent.Length > 0)
                {
                    Tell(_versions.Refresh(dependent, Belief.AsTold, out List<string> gone), gone);
                }
            }
        }
    }

    private void LookAtAll(Belief belief)
    {
        lock (_lock)
        {
            _lastLook = _time.GetTimestamp();
            try
            {
                Tell(_versions.RefreshAll(belief, out List<string> gone), gone);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                Tell($"cannot be read ({exception.Message})");
            }
        }
    }

    private void Apply(DirectoryChange change)
    {
        lock (_lock)
        {
            IEnumerable<string> names = change.Names.Union(_versions.DependentOn(change.Names, change.Elsewhere));
            Tell(_versions.Refresh(names, Belief.AsTold, out List<string> gone), gone);
        }
    }

    private void Tell(List<RouterFile> read, List<string> gone)
    {
        if (_isFirst || read.Count > 0 || gone.Count > 0)
        {
            _areDependenciesKnown = false;
            _apply(new FilesReading(_directory, read, gone, IsFirst: _isFirst));
            _isFirst = false;
            _hasToldProblem = false;
        }
    }

    private void Tell(string problem)
    {
        lock (_lock)
        {
            if (!_hasToldProblem)
            {
                _apply(new FilesReading(_directory, [], [], problem, _isFirst));
                _hasToldProblem = true;
            }

            _isFirst = true;
        }
    }

    [LoggerMessage(EventId = EventIds.Unwatched, EventName = nameof(EventIds.Unwatched), Level = LogLevel.Warning,
        Message = "changes in {Directory} are seen by looking each {Seconds} s, since the kernel does not tell of them: {Reason}")]
    private partial void LogUnwatched(string directory, int seconds, string reason);

    [LoggerMessage(EventId = EventIds.Unwatched, Level = LogLevel.Information, Message = "the kernel tells of changes in {Directory} again")]
    private partial void LogWatched(string directory);

    [LoggerMessage(Level = LogLevel.Error, Message = "the router files could not be looked at; it is tried again")]
    private partial void LogFailed(Exception exception);
}
