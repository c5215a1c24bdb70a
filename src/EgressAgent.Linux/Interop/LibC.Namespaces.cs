using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

internal static partial class LibC
{
    internal const int CLONE_NEWNET = 0x40000000;

    internal const nuint MS_BIND = 4096;
    internal const nuint MS_REC = 16384;
    internal const nuint MS_SHARED = 1 << 20;
    internal const int MNT_DETACH = 2;
    internal const int UMOUNT_NOFOLLOW = 8;

    // _IO(0xb7, 0x3): ioctl_ns(2)
    internal const nuint NS_GET_NSTYPE = 0xb703;

    // int setns(int fd, int nstype);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int setns(FileHandle fd, int nstype);

    // int unshare(int flags);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int unshare(int flags);

    // int mount(const char *source, const char *target, const char *filesystemtype, unsigned long mountflags, const void *data);
    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int mount(string source, string target, string filesystemtype, nuint mountflags, nint data);

    // int umount2(const char *target, int flags);
    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int umount2(string target, int flags);

    // int ioctl(int fd, unsigned long request, ...);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int ioctl(FileHandle fd, nuint request, nint argument);
}
