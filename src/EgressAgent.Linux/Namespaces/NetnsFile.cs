using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Namespaces;

/// <summary>
/// The files of <c>/proc/net</c> of one namespace. <c>/proc/thread-self/net</c> belongs to the namespace of the thread that opens it; so
/// every access enters the namespace for the time of its system calls.
/// </summary>
internal static class NetnsFile
{
    // The kernel hands out a page at a time.
    private const int PageSize = 4096;

    /// <summary>The whole file; null when there is none, or it has more bytes than may be.</summary>
    /// <param name="netns">Whose.</param>
    /// <param name="name">Its name below <c>/proc/net</c>.</param>
    /// <param name="maxLength">In bytes.</param>
    /// <exception cref="LinuxException">The namespace cannot be entered, or the kernel refused.</exception>
    internal static ReadOnlyMemory<byte>? TryRead(NetworkNamespace netns, string name, int maxLength)
    {
        using var content = new MemoryStream();
        string path = $"/proc/thread-self/net/{name}";
        Errno errno = netns.Run(() => ReadInto(content, path, maxLength));
        if (!errno.IsSuccess && errno != Errno.ENOENT)
        {
            throw new LinuxException("read", $"{path} in {netns}", errno);
        }

        return errno.IsSuccess && content.Length <= maxLength ? content.GetBuffer().AsMemory(0, (int)content.Length) : null;
    }

    // Raw system calls only, as the thread is in another namespace.
    private static unsafe Errno ReadInto(MemoryStream content, string path, int maxLength)
    {
        int descriptor = LibC.open(path, LibC.O_RDONLY | LibC.O_CLOEXEC, 0);
        if (descriptor < 0)
        {
            return Errno.Last;
        }

        using var file = new FileHandle(descriptor);
        byte* page = stackalloc byte[PageSize];
        while (content.Length <= maxLength)
        {
            nint length = LibC.read(descriptor, page, PageSize);
            if (length <= 0)
            {
                return length < 0 ? Errno.Last : Errno.Success;
            }

            content.Write(new ReadOnlySpan<byte>(page, (int)length));
        }

        return Errno.Success;
    }
}
