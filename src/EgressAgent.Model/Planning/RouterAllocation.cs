using System.Net.NetworkInformation;
using EgressAgent.Model.Addressing;

namespace EgressAgent.Model.Planning;

/// <summary>What a router was given once and keeps as long as it exists.</summary>
/// <param name="InsideAddresses">At most one per family, with the prefix length of its inside network.</param>
/// <param name="Mac">The hardware address of its macvlan.</param>
public sealed record RouterAllocation(ValueList<InterfaceAddress> InsideAddresses, PhysicalAddress Mac);
