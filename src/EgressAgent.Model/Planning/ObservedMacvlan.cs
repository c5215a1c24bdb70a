using System.Net.NetworkInformation;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Planning;

/// <summary>A router's macvlan, as it is.</summary>
/// <param name="MasterIndex">The interface index of the master, in the node's netns; 0 when it cannot be told.</param>
/// <param name="Mode">Its mode.</param>
/// <param name="Mac">Its hardware address.</param>
/// <param name="Mtu">In bytes.</param>
/// <param name="IsUp">Whether it was set up.</param>
/// <param name="HasCarrier">Whether the master has a link partner.</param>
public sealed record ObservedMacvlan(int MasterIndex, MacvlanMode Mode, PhysicalAddress Mac, int Mtu, bool IsUp, bool HasCarrier)
{
    /// <summary>Whether it is behind this agent's fence.</summary>
    public bool IsFenced { get; init; }
}
