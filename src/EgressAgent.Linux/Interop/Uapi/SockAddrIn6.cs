using System.Runtime.CompilerServices;

namespace EgressAgent.Linux.Interop.Uapi;

/// <summary><c>struct sockaddr_in6</c> of linux/in6.h.</summary>
internal struct SockAddrIn6
{
    internal ushort sin6_family;

    /// <summary>Big endian.</summary>
    internal ushort sin6_port;
    internal uint sin6_flowinfo;
    internal In6Addr sin6_addr;
    internal uint sin6_scope_id;

    [InlineArray(16)]
    internal struct In6Addr
    {
        private byte _first;
    }
}
