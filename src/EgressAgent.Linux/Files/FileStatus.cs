using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Files;

/// <summary>
/// What tells one version of a file from another, and who may write it (statx(2)). Two equal values are the same content, short
/// of a write within the clock tick of the one before.
/// </summary>
/// <param name="Device">With <paramref name="Inode"/>, which file it is.</param>
/// <param name="Inode">The inode number.</param>
/// <param name="Size">Bytes.</param>
/// <param name="ChangeTime">The inode's last change (st_ctime), nanoseconds since the epoch.</param>
/// <param name="Owner">The owner's user id.</param>
/// <param name="Group">The owning group's id.</param>
/// <param name="Mode">The permissions.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Links">How many names it has.</param>
public readonly record struct FileStatus(
    ulong Device, ulong Inode, ulong Size, long ChangeTime, uint Owner, uint Group, UnixFileMode Mode, FileKind Kind, uint Links)
{
    private const uint Wanted = LibC.STATX_INO | LibC.STATX_SIZE | LibC.STATX_CTIME | LibC.STATX_UID | LibC.STATX_GID | LibC.STATX_MODE | LibC.STATX_TYPE
        | LibC.STATX_NLINK;

    /// <summary>Whether it is a file and not a directory, a pipe, a socket or a device.</summary>
    public bool IsRegular => Kind == FileKind.Regular;

    /// <summary>The status of a file; null when there is none.</summary>
    /// <param name="path">The file.</param>
    /// <param name="followsLink">Whether a symbolic link stands for its target, and not for itself.</param>
    /// <exception cref="LinuxException">The file cannot be looked at.</exception>
    public static FileStatus? TryRead(string path, bool followsLink = true)
    {
        if (LibC.statx(LibC.AT_FDCWD, path, followsLink ? 0 : LibC.AT_SYMLINK_NOFOLLOW, Wanted, out Statx status) < 0)
        {
            Errno errno = Errno.Last;
            return errno == Errno.ENOENT || errno == Errno.ENOTDIR ? null : throw new LinuxException("stat", path, errno);
        }

        return new FileStatus(
            ((ulong)status.stx_dev_major << 32) | status.stx_dev_minor,
            status.stx_ino,
            status.stx_size,
            (status.stx_ctime_sec * 1_000_000_000) + status.stx_ctime_nsec,
            status.stx_uid,
            status.stx_gid,
            (UnixFileMode)(status.stx_mode & ~LibC.S_IFMT),
            (status.stx_mode & LibC.S_IFMT) switch
            {
                LibC.S_IFREG => FileKind.Regular,
                LibC.S_IFDIR => FileKind.Directory,
                LibC.S_IFLNK => FileKind.Link,
                _ => FileKind.Other,
            },
            status.stx_nlink);
    }
}

/// <summary>What a path names.</summary>
public enum FileKind
{
    Regular,
    Directory,

    /// <summary>A symbolic link itself.</summary>
    Link,

    /// <summary>A pipe, a socket or a device.</summary>
    Other,
}
