using System.Net;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Planning;

/// <summary>All that must be in the kernel for the Services of the node. Equality is by value.</summary>
public sealed record ServicePlan
{
    /// <summary>Where Services have their addresses; empty when there is no Service.</summary>
    public ValueList<ServiceNetwork> Networks { get; init; } = [];

    /// <summary>Of the link to the node, bytes: what every router behind a Service can carry.</summary>
    public int Mtu { get; init; } = DefaultMtu;

    /// <summary>What leads where.</summary>
    public ValueList<ServiceEntry> Entries { get; init; } = [];

    internal const int DefaultMtu = 1500;
}

/// <summary>A network of Services.</summary>
/// <param name="Network">All of it is routed to the netns of Services.</param>
/// <param name="Node">The node's own address there, which is that in the inside network: routers know the node by one address.</param>
public sealed record ServiceNetwork(IPNetwork Network, IPAddress Node)
{
    /// <summary>The address of the netns of Services, to the node and to routers.</summary>
    public IPAddress Gateway => InsideAddressAllocator.NodeAddress(Network);
}

/// <summary>One port at one address of a Service.</summary>
/// <param name="Service">Whose it is.</param>
/// <param name="Address">The address.</param>
/// <param name="Protocol">The transport.</param>
/// <param name="Port">The port at the address.</param>
/// <param name="TargetPort">The port at the routers.</param>
/// <param name="IsByClient">Whether a client's connections go to one router, as long as it is available.</param>
/// <param name="Targets">All routers behind the Service; without one that is available, clients are rejected.</param>
public sealed record ServiceEntry(
    ResourceKey Service, IPAddress Address, TransportProtocol Protocol, ushort Port, ushort TargetPort, bool IsByClient, ValueList<ServiceTarget> Targets);

/// <summary>A router behind a Service.</summary>
/// <param name="Inside">Its inside address.</param>
/// <param name="IsAvailable">Whether new connections go there. Those that it has stay with it.</param>
public sealed record ServiceTarget(IPAddress Inside, bool IsAvailable);
