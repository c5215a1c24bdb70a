using System.Buffers.Binary;
using System.Text;
using EgressAgent.Linux.FileDescriptors;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Files;

/// <summary>
/// Watches the files of one directory (inotify(7)), and names elsewhere on which they depend. A file counts as changed when its writer
/// closes it, never while it is being written.
/// </summary>
public sealed class DirectoryWatch : IDisposable
{
    // struct inotify_event { int wd; uint32_t mask, cookie, len; char name[]; }
    private const int HeaderSize = 16;
    private const int MaskOffset = 4;
    private const int LengthOffset = 12;

    private const uint Changes = LibC.IN_CLOSE_WRITE | LibC.IN_CREATE | LibC.IN_MOVED_FROM | LibC.IN_MOVED_TO | LibC.IN_DELETE | LibC.IN_ATTRIB
        | LibC.IN_DELETE_SELF | LibC.IN_MOVE_SELF;

    private const uint LossMask = LibC.IN_DELETE_SELF | LibC.IN_MOVE_SELF | LibC.IN_UNMOUNT | LibC.IN_IGNORED;

    private readonly FileHandle _inotify;
    private readonly int _watch;
    private readonly string _path;
    private readonly (ulong Device, ulong Inode)? _identity;
    private readonly byte[] _buffer = new byte[64 * 1024];

    // By watch descriptor: what is watched elsewhere, and the names that matter there; null where the watch is a file's own.
    private readonly Dictionary<int, (string Path, IReadOnlySet<string>? Names)> _elsewhere = [];

    private DirectoryWatch(FileHandle inotify, int watch, string path)
    {
        _inotify = inotify;
        _watch = watch;
        _path = path;
        _identity = IdentityOf(path);
    }

    /// <summary>
    /// Whether the path leads to the directory that is watched. Nobody is told when another file system is mounted over it, or goes.
    /// </summary>
    /// <exception cref="LinuxException">The path cannot be looked at.</exception>
    public bool IsCurrent => IdentityOf(_path) == _identity;

    /// <summary>Begins to watch; null when the directory is not there.</summary>
    /// <exception cref="LinuxException">
    /// The directory cannot be watched: EACCES, EMFILE (fs.inotify.max_user_instances), ENOSPC (fs.inotify.max_user_watches).
    /// </exception>
    public static DirectoryWatch? TryOpen(string path)
    {
        int descriptor = LibC.inotify_init1(LibC.IN_CLOEXEC);
        if (descriptor < 0)
        {
            throw new LinuxException("watch directory", path, Errno.Last, "raise the sysctl fs.inotify.max_user_instances");
        }

        var inotify = new FileHandle(descriptor);
        int watch = LibC.inotify_add_watch(inotify, path, Changes | LibC.IN_ONLYDIR);
        if (watch >= 0)
        {
            return new DirectoryWatch(inotify, watch, path);
        }

        Errno errno = Errno.Last;
        inotify.Dispose();
        return errno == Errno.ENOENT || errno == Errno.ENOTDIR
            ? null
            : throw new LinuxException("watch directory", path, errno, errno == Errno.ENOSPC ? "raise the sysctl fs.inotify.max_user_watches" : null);
    }

    /// <summary>
    /// Watches names in other directories besides, and files of their own, instead of those that were named before. What cannot be
    /// watched, or is not there, is left out. Not while another thread is in <see cref="Wait"/>.
    /// </summary>
    /// <param name="names">Directories, and the names in them that matter.</param>
    /// <param name="files">Files whose other names may be anywhere.</param>
    public void WatchElsewhere(IReadOnlyDictionary<string, IReadOnlySet<string>> names, IReadOnlySet<string> files)
    {
        Dictionary<int, (string Path, IReadOnlySet<string>? Names)> wanted = [];
        foreach ((string directory, IReadOnlySet<string> ofDirectory) in names)
        {
            // The directory itself may be one of those, when a link leads to its neighbour: its watch reports all names anyway.
            if (LibC.inotify_add_watch(_inotify, directory, Changes | LibC.IN_ONLYDIR) is var watch and >= 0 && watch != _watch)
            {
                wanted[watch] = (directory, ofDirectory);
            }
        }

        foreach (string file in files)
        {
            if (LibC.inotify_add_watch(_inotify, file, LibC.IN_CLOSE_WRITE | LibC.IN_ATTRIB) is var watch and >= 0 && watch != _watch)
            {
                wanted.TryAdd(watch, (file, null));
            }
        }

        foreach (int watch in _elsewhere.Keys.Except(wanted.Keys).ToArray())
        {
            // An error says that the kernel has removed it already.
            _ = LibC.inotify_rm_watch(_inotify, watch);
        }

        _elsewhere.Clear();
        foreach ((int watch, (string, IReadOnlySet<string>?) subject) in wanted)
        {
            _elsewhere.Add(watch, subject);
        }
    }

    /// <summary>Blocks until something has happened, and returns all of it; nothing after a time. One thread at a time.</summary>
    /// <param name="timeout">Infinite by default.</param>
    /// <exception cref="LinuxException">The watch cannot be read.</exception>
    public unsafe DirectoryChange Wait(TimeSpan? timeout = null)
    {
        if (timeout is { } time && !Poll.Readable(_inotify, time))
        {
            return Parse([]);
        }

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

    internal DirectoryChange Parse(ReadOnlySpan<byte> events)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        HashSet<string> elsewhere = new(StringComparer.Ordinal);
        bool isOverflow = false;
        bool isLost = false;
        while (events.Length >= HeaderSize)
        {
            int watch = BinaryPrimitives.ReadInt32LittleEndian(events);
            uint mask = BinaryPrimitives.ReadUInt32LittleEndian(events[MaskOffset..]);
            int length = BinaryPrimitives.ReadInt32LittleEndian(events[LengthOffset..]);
            ReadOnlySpan<byte> name = events.Slice(HeaderSize, length);

            // The kernel pads the name with zeros.
            string? text = length > 0 ? Encoding.UTF8.GetString(name[..name.IndexOf((byte)0)]) : null;
            isOverflow |= (mask & LibC.IN_Q_OVERFLOW) != 0;
            if (watch == _watch)
            {
                isLost |= (mask & LossMask) != 0;
                if (text is not null && IsWhole(mask, _path, text))
                {
                    names.Add(text);
                }
            }
            else if (_elsewhere.TryGetValue(watch, out (string Path, IReadOnlySet<string>? Names) subject))
            {
                if (text is null || subject.Names is null)
                {
                    elsewhere.Add(subject.Path);
                }
                else if (subject.Names.Contains(text) && IsWhole(mask, subject.Path, text))
                {
                    elsewhere.Add(Path.Join(subject.Path, text));
                }
            }

            events = events[(HeaderSize + length)..];
        }

        return new DirectoryChange(names, elsewhere, isOverflow, isLost);
    }

    private static (ulong Device, ulong Inode)? IdentityOf(string path) =>
        FileStatus.TryRead(path) is { } status ? (status.Device, status.Inode) : null;

    // What is created is written next, unless it is a directory or another name for something that is there. What was taken away and is
    // there again is another file, of which the kernel tells when it is whole.
    private static bool IsWhole(uint mask, string directory, string name)
    {
        bool isCreated = (mask & LibC.IN_CREATE) != 0;
        if ((!isCreated && (mask & (LibC.IN_DELETE | LibC.IN_MOVED_FROM)) == 0) || (mask & LibC.IN_ISDIR) != 0)
        {
            return true;
        }

        try
        {
            FileStatus? status = FileStatus.TryRead(Path.Join(directory, name), followsLink: false);
            return isCreated ? status is { Kind: not FileKind.Regular } or { Links: > 1 } : status is null;
        }
        catch (LinuxException)
        {
            return !isCreated;
        }
    }
}

/// <summary>What a <see cref="DirectoryWatch"/> saw.</summary>
/// <param name="Names">
/// The files of the directory that were written and closed, linked, renamed, removed, or had their owner or mode changed.
/// </param>
/// <param name="Elsewhere">The paths that changed of those that <see cref="DirectoryWatch.WatchElsewhere"/> named.</param>
/// <param name="IsOverflow">Events were lost: anything may have changed.</param>
/// <param name="IsLost">The directory itself is gone, was moved away or unmounted. It is the watch's last report.</param>
public sealed record DirectoryChange(IReadOnlySet<string> Names, IReadOnlySet<string> Elsewhere, bool IsOverflow, bool IsLost)
{
    /// <summary>Whether nothing was seen.</summary>
    public bool IsNothing => Names.Count == 0 && Elsewhere.Count == 0 && !IsOverflow && !IsLost;
}
