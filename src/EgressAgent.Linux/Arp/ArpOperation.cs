namespace EgressAgent.Linux.Arp;

/// <summary>RFC 826's ar$op.</summary>
public enum ArpOperation : ushort
{
    None = 0,
    Request = 1,
    Reply = 2,
}
