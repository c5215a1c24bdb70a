using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop.Uapi;

/// <summary><c>struct sock_fprog</c> of linux/filter.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SockFProg
{
    internal ushort len;
    internal SockFilter* filter;
}
