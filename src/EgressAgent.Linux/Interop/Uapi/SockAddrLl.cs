using System.Runtime.CompilerServices;

namespace EgressAgent.Linux.Interop.Uapi;

/// <summary><c>struct sockaddr_ll</c> of linux/if_packet.h.</summary>
internal struct SockAddrLl
{
    internal ushort sll_family;

    /// <summary>Big endian.</summary>
    internal ushort sll_protocol;
    internal int sll_ifindex;
    internal ushort sll_hatype;
    internal byte sll_pkttype;
    internal byte sll_halen;
    internal LinkLayerAddress sll_addr;

    [InlineArray(8)]
    internal struct LinkLayerAddress
    {
        private byte _first;
    }
}
