using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop.Uapi;

/// <summary><c>struct sock_filter</c> of linux/filter.h: an instruction of classic BPF.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct SockFilter(ushort code, byte jt, byte jf, uint k)
{
    internal readonly ushort code = code;
    internal readonly byte jt = jt;
    internal readonly byte jf = jf;
    internal readonly uint k = k;
}

/// <summary><c>struct sock_fprog</c> of linux/filter.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SockFProg
{
    internal ushort len;
    internal SockFilter* filter;
}
