using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Planning;

/// <summary>All that must be in the kernel for one router. Equality is by value.</summary>
public sealed record DesiredRouter
{
    public required RouterKey Key { get; init; }

    /// <summary>What this node is to the router. On a standby the macvlan is down, and there is nothing that needs it up.</summary>
    public FailoverRole Role { get; init; }

    public required DesiredVeth Veth { get; init; }

    public required DesiredMacvlan Macvlan { get; init; }

    /// <summary>The cable to the Services; null while none selects the router.</summary>
    public ServiceLink? ServiceLink { get; init; }

    /// <summary>
    /// The networks of the inside addresses. What no router has in them the node refuses to its clients: without a router they
    /// would follow the node's default route, and leave with its own address.
    /// </summary>
    public ValueList<IPNetwork> InsideNetworks { get; init; } = [];

    /// <summary>What arrives where goes where, and the filter that keeps everything else in.</summary>
    public required RedirectPlan Redirect { get; init; }

    /// <summary>Why flows are not offloaded although that is asked for; null otherwise.</summary>
    public string? WhyNoFlowOffload { get; init; }

    /// <summary>The links whose established flows bypass the chains; empty where none does.</summary>
    public IEnumerable<string> OffloadedLinks => !Redirect.OffloadsFlows ? []
        : ServiceLink is null ? [RouterNames.InsideLink, RouterNames.OutsideLink]
        : [RouterNames.InsideLink, RouterNames.ServiceLink, RouterNames.OutsideLink];

    /// <summary>The order is that in which they are set.</summary>
    public required ValueList<SysctlEntry> Sysctls { get; init; }

    /// <summary>Addresses that nobody outside the node sees.</summary>
    public required ValueList<AddressEntry> InsideAddresses { get; init; }

    /// <summary>The addresses on the physical network. They are claimed last, and after a probe.</summary>
    public required ValueList<AddressEntry> ReservedAddresses { get; init; }

    /// <summary>
    /// The addresses on the physical network at which Services are reached, but for reserved ones. They are claimed as those are, and
    /// nothing leaves from them but answers.
    /// </summary>
    public ValueList<AddressEntry> ExternalAddresses { get; init; } = [];

    /// <summary>All that the router claims on the physical network, reserved addresses first.</summary>
    public IEnumerable<AddressEntry> ClaimedAddresses => ReservedAddresses.Concat(ExternalAddresses);

    /// <summary>The order is that in which they can be added.</summary>
    public required ValueList<RouteEntry> Routes { get; init; }

    public required ValueList<RuleEntry> Rules { get; init; }

    /// <summary>Where everything goes that is not on the physical network itself: at most one of a family.</summary>
    public IEnumerable<IPAddress> Gateways => Routes.Where(route => route.IsOutsideDefault).Select(route => route.Gateway!);

    /// <summary>On a standby in a cluster, the gateways that its holder goes by, at most one of a family: they are asked from the master.</summary>
    public ValueList<IPAddress> StandbyGateways { get; init; } = [];

    internal IPAddress? GatewayOf(AddressFamily family) => Gateways.FirstOrDefault(gateway => gateway.AddressFamily == family);
}

/// <summary>The router's own interface on the physical network, <see cref="RouterNames.OutsideLink"/>.</summary>
/// <param name="MasterIndex">The interface index of the master, in the node's netns.</param>
/// <param name="Master">The master's name.</param>
/// <param name="Mode">How it treats other macvlans on the same master.</param>
/// <param name="Mac">Null in passthru mode, where the macvlan has the master's address.</param>
/// <param name="Mtu">The master's, bytes.</param>
public sealed record DesiredMacvlan(int MasterIndex, string Master, MacvlanMode Mode, PhysicalAddress? Mac, int Mtu)
{
    /// <summary>False on a standby: a macvlan that is up sends frames with its MAC address, asked or not.</summary>
    public bool IsUp { get; init; } = true;

    /// <summary>Whether it is behind the node's fence: then nothing leaves that the agents of the cluster have not agreed about.</summary>
    public bool IsFenced { get; init; }
}

/// <summary>The cable between the node and a router's netns; its inner end is <see cref="RouterNames.InsideLink"/>.</summary>
/// <param name="NodeLink">The name of the outer end.</param>
/// <param name="AltName">The alternative name of the outer end.</param>
/// <param name="Mtu">Of both ends, bytes.</param>
public sealed record DesiredVeth(string NodeLink, string AltName, int Mtu);
