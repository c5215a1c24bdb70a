using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

// open(2) and ioctl(2) are variadic in C. The Linux ABIs pass integers and pointers to a variadic function as to a fixed one.
internal static partial class LibC
{
    internal const int O_RDONLY = 0;
    internal const int O_WRONLY = 1;
    internal const int O_CLOEXEC = 0x80000;
    internal const int O_PATH = 0x200000;

    internal const uint S_IFMT = 0xf000;
    internal const uint S_IFDIR = 0x4000;
    internal const uint S_IFREG = 0x8000;
    internal const uint S_IFLNK = 0xa000;

    internal const int LOCK_EX = 2;
    internal const int LOCK_NB = 4;

    internal const uint MFD_CLOEXEC = 1;

    internal const int AT_FDCWD = -100;
    internal const int AT_SYMLINK_NOFOLLOW = 0x100;
    internal const int AT_EMPTY_PATH = 0x1000;
    internal const uint STATX_TYPE = 0x1;
    internal const uint STATX_MODE = 0x2;
    internal const uint STATX_NLINK = 0x4;
    internal const uint STATX_UID = 0x8;
    internal const uint STATX_GID = 0x10;
    internal const uint STATX_CTIME = 0x80;
    internal const uint STATX_INO = 0x100;
    internal const uint STATX_SIZE = 0x200;

    // int open(const char *pathname, int flags, mode_t mode);
    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int open(string pathname, int flags, uint mode);

    // int openat(int dirfd, const char *pathname, int flags, mode_t mode);
    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int openat(int dirfd, string pathname, int flags, uint mode);

    // int mknod(const char *pathname, mode_t mode, dev_t dev);
    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int mknod(string pathname, uint mode, ulong dev);

    // int mkdir(const char *pathname, mode_t mode);
    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int mkdir(string pathname, uint mode);

    // int unlink(const char *pathname);
    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int unlink(string pathname);

    // int flock(int fd, int operation);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int flock(FileHandle fd, int operation);

    // int statx(int dirfd, const char *pathname, int flags, unsigned int mask, struct statx *statxbuf);
    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int statx(int dirfd, string pathname, int flags, uint mask, out Statx statxbuf);

    // int memfd_create(const char *name, unsigned int flags);
    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int memfd_create(string name, uint flags);

    // ssize_t read(int fd, void *buf, size_t count);
    [LibraryImport(Library, SetLastError = true)]
    internal static unsafe partial nint read(int fd, void* buf, nuint count);

    // ssize_t write(int fd, const void *buf, size_t count);
    [LibraryImport(Library, SetLastError = true)]
    internal static unsafe partial nint write(int fd, void* buf, nuint count);
}
