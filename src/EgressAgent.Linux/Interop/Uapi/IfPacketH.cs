using System.Runtime.CompilerServices;

namespace EgressAgent.Linux.Interop.Uapi;

/// <summary>linux/if_packet.h and linux/if_ether.h.</summary>
internal static class IfPacketH
{
    internal const ushort ETH_P_ALL = 0x0003;
    internal const ushort ETH_P_ARP = 0x0806;
    internal const ushort ETH_P_IPV6 = 0x86DD;

    internal const byte PACKET_HOST = 0;
    internal const byte PACKET_OUTGOING = 4;
}

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
