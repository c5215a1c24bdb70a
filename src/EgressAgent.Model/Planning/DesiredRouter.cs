using System.Net;
using EgressAgent.Model.Redirecting;

namespace EgressAgent.Model.Planning;

/// <summary>All that must be in the kernel for one router. Equality is by value.</summary>
public sealed record DesiredRouter
{
    public required RouterKey Key { get; init; }

    public required DesiredVeth Veth { get; init; }

    public required DesiredMacvlan Macvlan { get; init; }

    /// <summary>
    /// The networks of the inside addresses. What no router has in them the node refuses to its clients: without a router they
    /// would follow the node's default route, and leave with its own address.
    /// </summary>
    public ValueList<IPNetwork> InsideNetworks { get; init; } = [];

    /// <summary>What arrives where goes where, and the filter that keeps everything else in.</summary>
    public required RedirectPlan Redirect { get; init; }

    /// <summary>The order is that in which they are set.</summary>
    public required ValueList<SysctlEntry> Sysctls { get; init; }

    /// <summary>Addresses that nobody outside the node sees.</summary>
    public required ValueList<AddressEntry> InsideAddresses { get; init; }

    /// <summary>The addresses on the physical network. They are claimed last, and after a probe.</summary>
    public required ValueList<AddressEntry> ReservedAddresses { get; init; }

    /// <summary>The order is that in which they can be added.</summary>
    public required ValueList<RouteEntry> Routes { get; init; }

    public required ValueList<RuleEntry> Rules { get; init; }
}
