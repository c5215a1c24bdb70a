using System.Globalization;

namespace EgressAgent.Linux.Namespaces;

/// <summary>A mount, as the process sees it that has it in its mount namespace (proc_pid_mountinfo(5)).</summary>
/// <param name="Id">Another one in each mount namespace, while both live.</param>
/// <param name="Device">Of the file system: <c>0:25</c>.</param>
/// <param name="Root">What of the file system is mounted.</param>
/// <param name="Path">Where; blanks are written <c>\040</c>.</param>
/// <param name="Options">Of this mount: <c>ro,nosuid</c>.</param>
/// <param name="PeerGroup">What is mounted below appears at all mounts of this group too; null where it does not propagate.</param>
/// <param name="MasterGroup">What is mounted below those of this group appears here too, and not the other way round.</param>
public sealed record Mount(int Id, string Device, string Root, string Path, string Options, int? PeerGroup, int? MasterGroup)
{
    /// <summary>The type of the file system: <c>tmpfs</c>.</summary>
    public string FileSystem { get; init; } = "";

    /// <summary>Of the file system, wherever it is mounted: <c>rw,hidepid=invisible</c>.</summary>
    public string FileSystemOptions { get; init; } = "";

    /// <summary>The mounts of a process; null when they cannot be read, as those of others behind <c>hidepid</c>.</summary>
    public static IReadOnlyList<Mount>? TryRead(string process)
    {
        try
        {
            return [.. File.ReadLines($"/proc/{process}/mountinfo").Select(Parse)];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The mount on which a path lies.</summary>
    public static Mount? Holding(string path, IEnumerable<Mount> mounts) => mounts
        .Where(mount => mount.Path == "/" || path == mount.Path || path.StartsWith(mount.Path + "/", StringComparison.Ordinal))
        .Aggregate((Mount?)null, (found, mount) => found is null || mount.Path.Length >= found.Path.Length ? mount : found);

    // 36 35 98:0 /mnt1 /mnt2 rw,noatime shared:1 master:2 - ext3 /dev/root rw
    internal static Mount Parse(string line)
    {
        string[] words = line.Split(' ');
        return new Mount(
            int.Parse(words[0], CultureInfo.InvariantCulture), words[2], words[3], words[4], words[5], Group("shared:"), Group("master:"))
        {
            FileSystem = words[^3],
            FileSystemOptions = words[^1],
        };

        int? Group(string kind) => words.Skip(6).TakeWhile(word => word != "-").FirstOrDefault(word => word.StartsWith(kind, StringComparison.Ordinal)) is { } found
            ? int.Parse(found.AsSpan(kind.Length), CultureInfo.InvariantCulture)
            : null;
    }
}
