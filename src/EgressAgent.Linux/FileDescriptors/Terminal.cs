using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.FileDescriptors;

/// <summary>Asks terminals, and changes nothing of them; .NET's console puts a terminal into another mode when it is asked for its size.</summary>
public static unsafe class Terminal
{
    /// <summary>How many columns the terminal has to which standard output leads, 0 where it does not know; null where that is no terminal.</summary>
    public static int? OutputWidth
    {
        get
        {
            LibC.WinSize size;
            return LibC.ioctl(1, LibC.TIOCGWINSZ, &size) == 0 ? size.ws_col : null;
        }
    }
}
