using System.Globalization;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Namespaces;

public sealed partial class NetworkNamespace
{
    // The files of a namespace under /proc/PID/net have inodes of their own, which anyone may ask for. The namespace links of a
    // process tell the same, but only to who may trace it.
    private const string MarkOfNamespace = "net/dev";

    /// <summary>The processes that are in the namespace, this one excepted, each with its name: <c>4242 (sleep)</c>.</summary>
    public IReadOnlyList<string> FindProcesses() => FindProcesses(Run(() => InodeOf("/proc/thread-self/" + MarkOfNamespace)));

    /// <summary>
    /// The sockets of the namespace that processes outside of it hold, this one excepted, each with its process where that may be
    /// looked at: <c>socket 12345 of process 4242 (nc)</c>.
    /// </summary>
    public IReadOnlyList<string> FindSockets()
    {
        HashSet<string> sockets = [.. Run(() => SocketTables.SelectMany(ReadInodes).ToArray())];
        if (sockets.Count == 0)
        {
            return [];
        }

        List<string> found = [];
        foreach (string process in Processes())
        {
            string[] held = [.. OpenSockets(process).Where(sockets.Remove)];
            if (process != Environment.ProcessId.ToString(CultureInfo.InvariantCulture))
            {
                found.AddRange(held.Select(inode => $"socket {inode} of process {Describe(process)}"));
            }
        }

        return [.. found, .. sockets.Order().Select(inode => $"socket {inode} (whose: find /proc/[0-9]*/fd -lname 'socket:?{inode}?')")];
    }

    // Each with its column of inodes.
    private static readonly (string Table, int Column)[] SocketTables =
    [
        ("tcp", 9), ("tcp6", 9), ("udp", 9), ("udp6", 9), ("raw", 9), ("raw6", 9), ("icmp", 9), ("icmp6", 9), ("packet", 8), ("netlink", 9),
    ];

    private static string[] FindProcesses(ulong? netns) => netns is null ? [] :
    [
        .. Processes().Where(process => process != Environment.ProcessId.ToString(CultureInfo.InvariantCulture)
            && InodeOf($"/proc/{process}/{MarkOfNamespace}") == netns).Select(Describe),
    ];

    private static IEnumerable<string> Processes() => Directory.EnumerateDirectories("/proc")
        .Select(path => path["/proc/".Length..]).Where(name => name.All(char.IsAsciiDigit));

    private static ulong? InodeOf(string path) =>
        LibC.statx(LibC.AT_FDCWD, path, 0, LibC.STATX_INO, out Statx status) < 0 ? null : status.stx_ino;

    private static string Describe(string process)
    {
        try
        {
            return $"{process} ({File.ReadAllText($"/proc/{process}/comm").TrimEnd('\n')})";
        }
        catch (IOException)
        {
            return process;
        }
    }

    // A kernel has no table of what it was built without. Closed sockets have no inode, the kernel's own ones no port id.
    private static IEnumerable<string> ReadInodes((string Table, int Column) table)
    {
        string path = $"/proc/thread-self/net/{table.Table}";
        return !File.Exists(path) ? [] : File.ReadLines(path).Skip(1)
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(words => words.Length > table.Column && words[table.Column] != "0" && !(table.Table == "netlink" && words[2] == "0"))
            .Select(words => words[table.Column]);
    }

    private static string[] OpenSockets(string process)
    {
        try
        {
            return
            [
                .. Directory.EnumerateFileSystemEntries($"/proc/{process}/fd")
                    .Select(path => new FileInfo(path).LinkTarget)
                    .OfType<string>().Where(target => target.StartsWith("socket:[", StringComparison.Ordinal))
                    .Select(target => target["socket:[".Length..^1]),
            ];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // It ended, or may not be looked at.
            return [];
        }
    }
}
