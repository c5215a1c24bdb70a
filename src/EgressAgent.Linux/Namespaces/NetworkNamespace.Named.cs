using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Namespaces;

// Named namespaces, by the convention of ip-netns(8): a file under /run/netns on which the namespace's nsfs file is bind-mounted.
public sealed partial class NetworkNamespace
{
    /// <summary>Where names live; <c>ip netns</c> and others look there too.</summary>
    public const string DirectoryPath = "/run/netns";

    /// <summary>The path of a name, which need not exist.</summary>
    /// <exception cref="ArgumentException">The name is no single path segment.</exception>
    public static string PathOf(string name)
    {
        if (name.Length is 0 or > 255 || name is "." or ".." || name.AsSpan().ContainsAny('/', '\0'))
        {
            throw new ArgumentException($"'{name}' cannot name a network namespace: it must be one path segment", nameof(name));
        }

        return $"{DirectoryPath}/{name}";
    }

    /// <summary>Opens a named namespace; null when the name is missing or stale (<see cref="GetState"/> tells which).</summary>
    /// <exception cref="LinuxException">Any other refusal.</exception>
    public static NetworkNamespace? TryOpen(string name)
    {
        Errno errno = TryOpenFile(PathOf(name), name, out NetworkNamespace? netns);
        return errno.IsSuccess || IsMissing(errno) || errno == Errno.EINVAL
            ? netns
            : throw new LinuxException("open network namespace", name, errno);
    }

    /// <summary>
    /// What stands behind a name, without opening it; null when the name is missing. A stale name has an id that is no namespace's.
    /// </summary>
    public static NetworkNamespaceId? TryGetId(string name) =>
        LibC.statx(LibC.AT_FDCWD, PathOf(name), 0, LibC.STATX_INO, out Statx status) < 0 ? null : IdOf(status);

    /// <inheritdoc cref="NamedNamespaceState"/>
    /// <exception cref="LinuxException">The file cannot be opened although it is there.</exception>
    public static NamedNamespaceState GetState(string name)
    {
        Errno errno = TryOpenFile(PathOf(name), name, out NetworkNamespace? netns);
        netns?.Dispose();
        return errno switch
        {
            { IsSuccess: true } => NamedNamespaceState.Present,
            _ when errno == Errno.EINVAL => NamedNamespaceState.Stale,
            _ when IsMissing(errno) => NamedNamespaceState.Missing,
            _ => throw new LinuxException("open network namespace", name, errno),
        };
    }

    /// <summary>All names, present and stale ones, in ordinal order.</summary>
    public static IReadOnlyList<string> List()
    {
        try
        {
            string[] names = [.. Directory.EnumerateFiles(DirectoryPath).Select(path => Path.GetFileName(path))];
            Array.Sort(names, StringComparer.Ordinal);
            return names;
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
    }

    /// <summary>
    /// Removes a name, present or stale. The namespace itself goes with its last user: links, sockets and references keep it.
    /// False when the name was not there.
    /// </summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public static bool Delete(string name)
    {
        string path = PathOf(name);

        // Mounts can be stacked; EINVAL says that none is left.
        while (LibC.umount2(path, LibC.MNT_DETACH | LibC.UMOUNT_NOFOLLOW) == 0)
        {
        }

        Errno errno = Errno.Last;
        if (errno != Errno.EINVAL && !IsMissing(errno))
        {
            throw new LinuxException("unmount network namespace", name, errno);
        }

        if (LibC.unlink(path) == 0)
        {
            return true;
        }

        errno = Errno.Last;
        return IsMissing(errno) ? false : throw new LinuxException("delete network namespace", name, errno);
    }

    private static bool IsMissing(Errno errno) => errno == Errno.ENOENT || errno == Errno.ENOTDIR;
}

/// <summary>What stands at <c>/run/netns/NAME</c>.</summary>
public enum NamedNamespaceState
{
    /// <summary>Nothing: the name is free.</summary>
    Missing,

    /// <summary>
    /// A file on which no network namespace is mounted: somebody unmounted it, or a creator died half-way. It blocks the name
    /// until <see cref="NetworkNamespace.Delete"/> removes it.
    /// </summary>
    Stale,

    /// <summary>A network namespace.</summary>
    Present,
}
