using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

/// <summary><c>sd_bus_error</c> of sd-bus.h; all zero means that no error is set.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SdBusError
{
    internal byte* name;
    internal byte* message;
    internal int need_free;
}
