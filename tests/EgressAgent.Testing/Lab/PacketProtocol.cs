namespace EgressAgent.Testing.Lab;

/// <summary>What a captured frame carries.</summary>
public enum PacketProtocol
{
    Other,
    Arp,
    Icmp,
    IcmpV6,
    Tcp,
    Udp,
    Sctp,
}
