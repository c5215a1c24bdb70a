using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Namespaces;

public sealed partial class NetworkNamespace
{
    // rwxr-xr-x
    private const uint DirectoryMode = 0x1ed;

    /// <summary>
    /// Makes a namespace under a new name, where <c>ip netns</c> sees it. Null when the name is taken, be it present or stale. On any
    /// failure nothing is left behind.
    /// </summary>
    /// <param name="name">Its name.</param>
    /// <param name="prepare">What is done to it before it has the name: nobody ever meets one of that name without.</param>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public static NetworkNamespace? TryCreate(string name, Action<NetworkNamespace>? prepare = null)
    {
        string path = PathOf(name);
        NetworkNamespace netns = CreateUnnamed(name);
        try
        {
            prepare?.Invoke(netns);
            using FileHandle directory = LockDirectory();
            ShareDirectory();
            if (LibC.mknod(path, LibC.S_IFREG, 0) == 0)
            {
                Mount(netns, path);
                return netns;
            }

            Errno errno = Errno.Last;
            if (errno != Errno.EEXIST)
            {
                throw new LinuxException("create file", path, errno);
            }
        }
        catch
        {
            netns.Dispose();
            throw;
        }

        netns.Dispose();
        return null;
    }

    /// <summary>
    /// Removes a name that holds no namespace, as a creator that died leaves, or one whose mounts are seen by nobody else. False when
    /// it holds one, is not there, or is no empty file.
    /// </summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public static bool TryRemoveStale(string name)
    {
        // Who makes a namespace now has the lock.
        using FileHandle directory = LockDirectory();
        return GetState(name) == NamedNamespaceState.Stale && new FileInfo(PathOf(name)) is { Length: 0, LinkTarget: null } && Delete(name);
    }

    /// <summary>Makes a namespace that lives as long as what refers to it.</summary>
    /// <param name="name">How messages call it.</param>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public static NetworkNamespace CreateUnnamed(string name)
    {
        // It is born on a thread of its own, which ends at once: a thread that lives on in another namespace would pass it on to every
        // thread that the runtime starts from there.
        LinuxException? failure = null;
        NetworkNamespace? made = null;
        var thread = new Thread(() =>
        {
            Errno errno = LibC.unshare(LibC.CLONE_NEWNET) < 0 ? Errno.Last : TryOpenFile(CurrentThreadPath, name, out made);
            failure = errno.IsSuccess ? null : new LinuxException("create network namespace", name, errno);
        })
        {
            Name = "netns-create",
            IsBackground = true,
        };
        thread.Start();
        thread.Join();
        return made ?? throw failure!;
    }

    private static void Mount(NetworkNamespace netns, string path)
    {
        if (LibC.mount($"/proc/self/fd/{netns.Handle.Descriptor}", path, "none", LibC.MS_BIND, 0) < 0)
        {
            Errno errno = Errno.Last;
            LibC.unlink(path);
            throw new LinuxException("mount network namespace", path, errno);
        }
    }

    // The lock is the one that ip-netns(8) takes: two that make the directory a mount at once would hide each other's names.
    private static FileHandle LockDirectory()
    {
        if (LibC.mkdir(DirectoryPath, DirectoryMode) < 0 && Errno.Last is var errno && errno != Errno.EEXIST)
        {
            throw new LinuxException("create directory", DirectoryPath, errno);
        }

        int descriptor = LibC.open(DirectoryPath, LibC.O_RDONLY | LibC.O_CLOEXEC, 0);
        if (descriptor < 0)
        {
            throw new LinuxException("open directory", DirectoryPath, Errno.Last);
        }

        var directory = new FileHandle(descriptor);
        while (LibC.flock(directory, LibC.LOCK_EX) < 0)
        {
            errno = Errno.Last;
            if (errno != Errno.EINTR)
            {
                directory.Dispose();
                throw new LinuxException("lock directory", DirectoryPath, errno);
            }
        }

        return directory;
    }

    // A name is a mount, and has to be seen in, and removable from, every mount namespace: the directory must be a shared mount.
    private static void ShareDirectory()
    {
        if (TryShare() is var notShared && notShared.IsSuccess)
        {
            return;
        }

        // EINVAL: it is a plain directory and has to become a mount first.
        if (notShared != Errno.EINVAL
            || LibC.mount(DirectoryPath, DirectoryPath, "none", LibC.MS_BIND | LibC.MS_REC, 0) < 0
            || !(notShared = TryShare()).IsSuccess)
        {
            throw new LinuxException("make shared mount", DirectoryPath, notShared);
        }
    }

    private static Errno TryShare() =>
        LibC.mount("", DirectoryPath, "none", LibC.MS_SHARED | LibC.MS_REC, 0) == 0 ? Errno.Success : Errno.Last;
}
