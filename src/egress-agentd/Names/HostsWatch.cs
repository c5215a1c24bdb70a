using EgressAgent.Linux;
using EgressAgent.Linux.Files;

namespace EgressAgent.Daemon.Names;

/// <summary>Tells when somebody changes the node's hosts file, on a thread of its own.</summary>
internal sealed class HostsWatch : IDisposable
{
    private readonly DirectoryWatch _watch;
    private readonly string _name;
    private readonly Action _changed;
    private readonly Thread _thread;

    private HostsWatch(DirectoryWatch watch, string name, Action changed)
    {
        _watch = watch;
        _name = name;
        _changed = changed;
        _thread = new Thread(Run) { Name = "hosts", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Begins to watch; null when that cannot be.</summary>
    /// <param name="path">The file, which need not be there.</param>
    /// <param name="changed">Called when it is another one.</param>
    internal static HostsWatch? TryStart(string path, Action changed)
    {
        try
        {
            return DirectoryWatch.TryOpen(Path.GetDirectoryName(path)!) is { } watch ? new HostsWatch(watch, Path.GetFileName(path), changed) : null;
        }
        catch (LinuxException)
        {
            // The names are looked after with the next change of a Service.
            return null;
        }
    }

    public void Dispose()
    {
        _watch.Cancel();
        _thread.Join();
        _watch.Dispose();
    }

    private void Run()
    {
        try
        {
            for (DirectoryChange change = _watch.Wait(); !change.IsLost; change = _watch.Wait())
            {
                if (change.IsOverflow || change.Names.Contains(_name))
                {
                    _changed();
                }
            }
        }
        catch (LinuxException)
        {
            // As when it cannot be watched.
        }
    }
}
