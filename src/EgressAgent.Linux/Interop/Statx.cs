using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

/// <summary><c>struct statx</c> of linux/stat.h, which is the same on every architecture, as far as it is used.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct Statx
{
    [FieldOffset(16)]
    internal uint stx_nlink;

    [FieldOffset(20)]
    internal uint stx_uid;

    [FieldOffset(24)]
    internal uint stx_gid;

    [FieldOffset(28)]
    internal ushort stx_mode;

    [FieldOffset(32)]
    internal ulong stx_ino;

    [FieldOffset(40)]
    internal ulong stx_size;

    [FieldOffset(96)]
    internal long stx_ctime_sec;

    [FieldOffset(104)]
    internal uint stx_ctime_nsec;

    [FieldOffset(136)]
    internal uint stx_dev_major;

    [FieldOffset(140)]
    internal uint stx_dev_minor;
}
