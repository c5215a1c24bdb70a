using EgressAgent.Linux.FileDescriptors;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Namespaces;

/// <summary>
/// A reference to a network namespace, which lives at least as long as the reference. Two references are equal when they mean
/// the same namespace, however they were opened. Any thread may use it.
/// </summary>
public sealed partial class NetworkNamespace : IDisposable, IEquatable<NetworkNamespace>
{
    private const string CurrentThreadPath = "/proc/thread-self/ns/net";

    private NetworkNamespace(FileHandle handle, NetworkNamespaceId id, string name)
    {
        Handle = handle;
        Id = id;
        Name = name;
    }

    /// <summary>How messages call it: the name under <see cref="DirectoryPath"/>, else the path or the identity.</summary>
    public string Name { get; }

    public NetworkNamespaceId Id { get; }

    /// <summary>The nsfs descriptor. It stays owned by this object.</summary>
    internal FileHandle Handle { get; }

    /// <summary>The namespace of the calling thread.</summary>
    /// <exception cref="LinuxException">/proc is not mounted, or no descriptor is left.</exception>
    public static NetworkNamespace Current()
    {
        Errno errno = TryOpenFile(CurrentThreadPath, null, out NetworkNamespace? netns);
        return errno.IsSuccess ? netns! : throw new LinuxException("open network namespace", CurrentThreadPath, errno);
    }

    /// <summary>The namespace whose nsfs file is at <paramref name="path"/>, such as <c>/proc/1/ns/net</c>.</summary>
    /// <exception cref="LinuxException">Nothing is there, or it is no network namespace (EINVAL).</exception>
    public static NetworkNamespace OpenPath(string path)
    {
        Errno errno = TryOpenFile(path, path, out NetworkNamespace? netns);
        return errno.IsSuccess ? netns! : throw new LinuxException("open network namespace", path, errno);
    }

    /// <summary>Another reference to the same namespace, with a life of its own.</summary>
    /// <exception cref="LinuxException">No descriptor is left.</exception>
    public NetworkNamespace Duplicate()
    {
        Errno errno = TryOpenFile($"/proc/self/fd/{Handle.Descriptor}", Name, out NetworkNamespace? netns);
        return errno.IsSuccess ? netns! : throw new LinuxException("open network namespace", Name, errno);
    }

    public void Dispose() => Handle.Dispose();

    public bool Equals(NetworkNamespace? other) => other is not null && Id == other.Id;

    public override bool Equals(object? obj) => Equals(obj as NetworkNamespace);

    public override int GetHashCode() => Id.GetHashCode();

    public override string ToString() => Name;

    // EINVAL, as setns(2) would say, where the file is no network namespace.
    private static Errno TryOpenFile(string path, string? name, out NetworkNamespace? netns)
    {
        netns = null;
        int descriptor = LowDescriptors.Leave(LibC.open(path, LibC.O_RDONLY | LibC.O_CLOEXEC, 0));
        if (descriptor < 0)
        {
            return Errno.Last;
        }

        var handle = new FileHandle(descriptor);
        if (LibC.ioctl(handle, LibC.NS_GET_NSTYPE, 0) != LibC.CLONE_NEWNET)
        {
            handle.Dispose();
            return Errno.EINVAL;
        }

        if (LibC.statx(descriptor, "", LibC.AT_EMPTY_PATH, LibC.STATX_INO, out Statx status) < 0)
        {
            Errno errno = Errno.Last;
            handle.Dispose();
            return errno;
        }

        NetworkNamespaceId id = IdOf(status);
        netns = new NetworkNamespace(handle, id, name ?? id.ToString());
        return Errno.Success;
    }

    internal static NetworkNamespaceId IdOf(in Statx status) =>
        new(((ulong)status.stx_dev_major << 32) | status.stx_dev_minor, status.stx_ino);
}
