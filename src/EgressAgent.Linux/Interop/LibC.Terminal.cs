using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

internal static unsafe partial class LibC
{
    // ioctl_tty(2)
    internal const nuint TIOCGWINSZ = 0x5413;

    // int ioctl(int fd, unsigned long request, struct winsize *argp);
    [LibraryImport(Library)]
    internal static partial int ioctl(int fd, nuint request, WinSize* argument);

    internal struct WinSize
    {
        internal ushort ws_row;
        internal ushort ws_col;
        internal ushort ws_xpixel;
        internal ushort ws_ypixel;
    }
}
