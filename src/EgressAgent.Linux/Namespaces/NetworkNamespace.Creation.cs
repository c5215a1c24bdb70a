using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Namespaces;

public sealed partial class NetworkNamespace
{
    // rwxr-xr-x
    private const uint DirectoryMode = 0x1ed;

    /// <summary>
    /// Makes an empty namespace under a new name, where <c>ip netns</c> sees it. Null when the name is taken, be it present or
    /// stale. On any failure nothing is left behind.
    /// </summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public static NetworkNamespace? TryCreate(string name)
    {
        string path = PathOf(name);
        ShareDirectory();

        if (LibC.mknod(path, LibC.S_IFREG, 0) < 0)
        {
            Errno errno = Errno.Last;
            return errno == Errno.EEXIST ? null : throw new LinuxException("create file", path, errno);
        }

        try
        {
            MountNewNamespace(path, name);
            return TryOpen(name)
                ?? throw new LinuxException("open network namespace", name, Errno.ENOENT, "it was deleted while it was made");
        }
        catch
        {
            Delete(name);
            throw;
        }
    }

    // The namespace is born on a thread of its own, which ends at once: a thread that lives on in another namespace would pass
    // it on to every thread that the runtime starts from there.
    private static void MountNewNamespace(string path, string name)
    {
        LinuxException? failure = null;
        var thread = new Thread(() =>
        {
            if (LibC.unshare(LibC.CLONE_NEWNET) < 0)
            {
                failure = new LinuxException("create network namespace", name, Errno.Last);
            }
            else if (LibC.mount(CurrentThreadPath, path, "none", LibC.MS_BIND, 0) < 0)
            {
                failure = new LinuxException("mount network namespace", path, Errno.Last);
            }
        })
        {
            Name = "netns-create",
            IsBackground = true,
        };
        thread.Start();
        thread.Join();
        if (failure is not null)
        {
            throw failure;
        }
    }

    // A name is a mount, and has to be seen in, and removable from, every mount namespace: the directory must be a shared mount.
    // The lock is the one that ip-netns(8) takes: two that make the directory a mount at once would hide each other's names.
    private static void ShareDirectory()
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

        using var directory = new FileHandle(descriptor);
        while (LibC.flock(directory, LibC.LOCK_EX) < 0)
        {
            errno = Errno.Last;
            if (errno != Errno.EINTR)
            {
                throw new LinuxException("lock directory", DirectoryPath, errno);
            }
        }

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
