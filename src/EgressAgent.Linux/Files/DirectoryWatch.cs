using System.Buffers.Binary;
using System.Text;
using EgressAgent.Linux.FileDescriptors;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Files;

/// <summary>
/// Watches the files of one directory (inotify(7)). A file counts as changed when its writer closes it, never while it is being
/// written.
/// </summary>
public sealed class DirectoryWatch : IDisposable
{
    // struct inotify_event { int wd; uint32_t mask, cookie, len; char name[]; }
    private const int HeaderSize = 16;
    private const int MaskOffset = 4;
    private const int LengthOffset = 12;

    private const uint Wanted = LibC.IN_CLOSE_WRITE | LibC.IN_MOVED_FROM | LibC.IN_MOVED_TO | LibC.IN_DELETE | LibC.IN_ATTRIB
        | LibC.IN_DELETE_SELF | LibC.IN_MOVE_SELF | LibC.IN_ONLYDIR;

    private const uint LossMask = LibC.IN_DELETE_SELF | LibC.IN_MOVE_SELF | LibC.IN_UNMOUNT | LibC.IN_IGNORED;

    private readonly FileHandle _inotify;
    private readonly int _watch;
    private readonly string _path;
    private readonly byte[] _buffer = new byte[64 * 1024];

    private DirectoryWatch(FileHandle inotify, int watch, string path)
    {
        _inotify = inotify;
        _watch = watch;
        _path = path;
    }

    /// <summary>Begins to watch; null when the directory is not there.</summary>
    /// <exception cref="LinuxException">The directory cannot be watched: EACCES, ENOSPC (fs.inotify.max_user_watches).</exception>
    public static DirectoryWatch? TryOpen(string path)
    {
        int descriptor = LibC.inotify_init1(LibC.IN_CLOEXEC);
        if (descriptor < 0)
        {
            throw new LinuxException("watch directory", path, Errno.Last, "see fs.inotify.max_user_instances");
        }

        var inotify = new FileHandle(descriptor);
        int watch = LibC.inotify_add_watch(inotify, path, Wanted);
        if (watch >= 0)
        {
            return new DirectoryWatch(inotify, watch, path);
        }

        Errno errno = Errno.Last;
        inotify.Dispose();
        return errno == Errno.ENOENT || errno == Errno.ENOTDIR ? null : throw new LinuxException("watch directory", path, errno);
    }

    /// <summary>Blocks until something has happened, and returns all of it. One thread at a time.</summary>
    /// <exception cref="LinuxException">The watch cannot be read.</exception>
    public unsafe DirectoryChange Wait()
    {
        fixed (byte* buffer = _buffer)
        {
            nint count;
            do
            {
                count = LibC.read(_inotify.Descriptor, buffer, (nuint)_buffer.Length);
            }
            while (count < 0 && Errno.Last == Errno.EINTR);

            return count >= 0 ? Parse(_buffer.AsSpan(0, (int)count)) : throw new LinuxException("read changes of", _path, Errno.Last);
        }
    }

    /// <summary>Makes a <see cref="Wait"/> in progress, or the next, return with <see cref="DirectoryChange.IsLost"/>.</summary>
    public void Cancel() => LibC.inotify_rm_watch(_inotify, _watch);

    public void Dispose() => _inotify.Dispose();

    internal static DirectoryChange Parse(ReadOnlySpan<byte> events)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        uint seen = 0;
        while (events.Length >= HeaderSize)
        {
            uint mask = BinaryPrimitives.ReadUInt32LittleEndian(events[MaskOffset..]);
            int length = BinaryPrimitives.ReadInt32LittleEndian(events[LengthOffset..]);
            ReadOnlySpan<byte> name = events.Slice(HeaderSize, length);
            seen |= mask;
            if (length > 0)
            {
                // The kernel pads the name with zeros.
                names.Add(Encoding.UTF8.GetString(name[..name.IndexOf((byte)0)]));
            }

            events = events[(HeaderSize + length)..];
        }

        return new DirectoryChange(names, (seen & LibC.IN_Q_OVERFLOW) != 0, (seen & LossMask) != 0);
    }
}
