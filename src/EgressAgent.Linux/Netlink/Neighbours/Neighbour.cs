using System.Net;
using System.Net.NetworkInformation;

namespace EgressAgent.Linux.Netlink.Neighbours;

/// <summary>An entry of the ARP or NDP table (RTM_NEWNEIGH, ip-neighbour(8)).</summary>
public sealed record Neighbour(int LinkIndex, IPAddress Address)
{
    /// <summary>Null while it is not known.</summary>
    public PhysicalAddress? MacAddress { get; init; }

    public NeighbourState State { get; init; }
}
