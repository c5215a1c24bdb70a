namespace EgressAgent.Linux.Interop.Uapi;

/// <summary>linux/if_packet.h and linux/if_ether.h.</summary>
internal static class IfPacketH
{
    internal const ushort ETH_P_ARP = 0x0806;
}
