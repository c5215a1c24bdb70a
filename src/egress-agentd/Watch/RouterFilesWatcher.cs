using EgressAgent.Engine.Registry;
using EgressAgent.Linux.Files;
using EgressAgent.Model.Validation;

namespace EgressAgent.Daemon.Watch;

/// <summary>
/// Follows the directory of router files on a thread of its own, and tells what it finds. It keeps nothing but which version of each
/// file was read.
/// </summary>
internal sealed class RouterFilesWatcher : IDisposable
{
    private static readonly TimeSpan AbsentRetry = TimeSpan.FromSeconds(1);

    private readonly string _directory;
    private readonly FileVersions _versions;
    private readonly Action<FilesReading> _apply;
    private readonly Lock _lock = new();
    private readonly ManualResetEventSlim _stop = new();
    private DirectoryWatch? _watch;
    private Thread? _thread;
    private bool _isFirst = true;

    /// <param name="directory">It need not exist yet.</param>
    /// <param name="apply">Takes what was found; called under a lock, and returns soon.</param>
    internal RouterFilesWatcher(string directory, Action<FilesReading> apply)
    {
        _directory = directory;
        _versions = new FileVersions(directory);
        _apply = apply;
    }

    /// <summary>Reads everything, and goes on watching. What was there has been told when this returns.</summary>
    /// <exception cref="Linux.LinuxException">The directory cannot be watched.</exception>
    internal void Start()
    {
        // The watch comes first, so that nothing that changes after the reading is missed.
        _watch = DirectoryWatch.TryOpen(_directory);
        if (_watch is null)
        {
            Tell("is not there, and waited for");
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
            try
            {
                Tell(_versions.RefreshAll(out List<string> gone), gone);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                Tell($"cannot be read ({exception.Message})");
            }
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
            Tell("was removed, renamed or unmounted");
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
            Reload();
        }
    }

    private void Apply(IReadOnlySet<string> names)
    {
        lock (_lock)
        {
            Tell(_versions.Refresh(names, out List<string> gone), gone);
        }
    }

    private void Tell(List<RouterFile> read, List<string> gone)
    {
        if (_isFirst || read.Count > 0 || gone.Count > 0)
        {
            _apply(new FilesReading(_directory, read, gone, IsFirst: _isFirst));
            _isFirst = false;
        }
    }

    private void Tell(string problem)
    {
        lock (_lock)
        {
            _apply(new FilesReading(_directory, [], [], problem, _isFirst));
            _isFirst = true;
        }
    }
}
