using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Namespaces;

namespace EgressAgent.Linux.Cgroups;

/// <summary>
/// The control groups of the unified hierarchy by their ids, which are never given twice while the system is up. To look for an id
/// means to walk the tree, which takes milliseconds where there are hundreds of groups: it is for who can wait, and remembers what it
/// saw. (To open a group by its id would take CAP_DAC_READ_SEARCH.) Not thread-safe.
/// </summary>
/// <param name="root">Where the hierarchy is mounted.</param>
public sealed class CgroupTree(string root)
{
    // Of groups that went the paths are kept: their sockets may be asked for after them.
    private const int Room = 16_384;

    private readonly Dictionary<ulong, string> _paths = [];

    /// <summary>The hierarchy of this system; null where none is mounted.</summary>
    public static CgroupTree? TryFind() => Mount.TryRead("self")?.LastOrDefault(mount => mount.FileSystem == "cgroup2"
        && mount.Path.StartsWith("/sys/fs/cgroup", StringComparison.Ordinal)) is { } mount ? new CgroupTree(mount.Path) : null;

    /// <summary>The path below the root, as <c>/system.slice/cron.service</c>; null when no walk has seen it.</summary>
    public string? Find(ulong id) => _paths.GetValueOrDefault(id);

    /// <summary>Takes in what there is. Groups that come or go meanwhile may be missed.</summary>
    public void Walk()
    {
        if (_paths.Count > Room)
        {
            _paths.Clear();
        }

        Walk("");
    }

    private void Walk(string path)
    {
        string directory = root + path;
        if (LibC.statx(LibC.AT_FDCWD, directory, 0, LibC.STATX_INO, out Statx status) < 0)
        {
            return;
        }

        _paths[status.stx_ino] = path.Length == 0 ? "/" : path;
        try
        {
            foreach (string child in Directory.EnumerateDirectories(directory))
            {
                Walk(child[root.Length..]);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // It went.
        }
    }
}
