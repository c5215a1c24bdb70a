using System.Net;
using System.Net.Sockets;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Planning;

/// <summary>The node interface below a router's macvlan, and how it was chosen.</summary>
/// <param name="Link">The interface.</param>
/// <param name="Choice">How it was chosen.</param>
/// <param name="IsKept">Whether the router stands on it already.</param>
/// <param name="Shortcoming">Why another one would be chosen now; null when that is not so.</param>
internal sealed record SelectedMaster(NodeLink Link, MasterChoice Choice, bool IsKept = false, PlanProblem? Shortcoming = null);

/// <summary>Chooses the node interface below a router's macvlan, and the gateways behind it.</summary>
internal static class MasterSelection
{
    private const string Field = "spec.networkInterface.macvlan.master";

    /// <summary>
    /// The master that the spec names; else the one that the router stands on; else the interface whose subnet holds the first address,
    /// if exactly one does; else that of the default route, of the first address's family before the other.
    /// </summary>
    internal static SelectedMaster? Select(EgressRouterSpec spec, RouterStanding standing, ObservedNode node, out PlanProblem? problem)
    {
        problem = null;
        if (spec.Master is { } name)
        {
            NodeLink? named = node.FindLink(name);
            problem = named is null ? new PlanProblem(PlanReasons.MasterMissing, $"the node has no interface {name} ({Field}); waiting for it") : null;
            return named is null ? null : new SelectedMaster(named, MasterChoice.Named, IsKept: IsOf(standing.Footing, named));
        }

        InterfaceAddress first = spec.Addresses[0].Address;
        NodeLink[] holders = [.. node.Links.Where(link => Holds(link, first))];
        SelectedMaster? chosen = Choose(first, holders, node);
        RouterFooting? footing = standing.Footing is { Choice: not MasterChoice.Named } known && known.Network.Equals(first.Network) ? known : null;
        bool mayStand = footing is not null || (standing.Footing is null && standing.Addresses.Any(own => own.Network.Equals(first.Network)));
        NodeLink? stood = mayStand ? FindStood(standing, node) : null;
        if (stood is not null && !IsLetGo(stood, footing?.Choice, chosen, first, node))
        {
            MasterChoice choice = Holds(stood, first) ? MasterChoice.BySubnet : footing?.Choice ?? MasterChoice.ByDefaultRoute;
            return new SelectedMaster(stood, choice, IsKept: true, WhyAnother(stood, chosen, first, holders));
        }

        // One that was chosen by its subnet is no less gone because a default route leads elsewhere.
        if (chosen is not null && !(footing is { Choice: MasterChoice.BySubnet } && chosen.Choice != MasterChoice.BySubnet))
        {
            return chosen;
        }

        problem = new PlanProblem(
            PlanReasons.MasterMissing,
            footing is { Choice: MasterChoice.BySubnet }
                ? $"{footing.Master}, on which the router stood, is gone, and {WhyNone(first, holders)}; waiting for it, or name another one in {Field}"
                : $"{WhyNone(first, holders)}, and there is no default route; name one in {Field}, or wait until it is there");
        return null;
    }

    /// <summary>Why nothing gets through a master that is there; null when it has a link.</summary>
    internal static PlanProblem? WhySilent(NodeLink master) => master switch
    {
        { IsUp: false } => new PlanProblem(PlanReasons.MasterDown, $"the master {master.Name} is down, set it up: ip link set {master.Name} up"),
        { HasCarrier: false } => new PlanProblem(PlanReasons.MasterDown, $"the master {master.Name} has no carrier, look at its cable and its switch"),
        _ => null,
    };

    /// <summary>
    /// The gateway of an address: the one in the spec, else the one that the router has, else that of the master's default route in the
    /// address's subnet. A link-local one, as IPv6 routers advertise themselves, is in every subnet of the link.
    /// </summary>
    /// <param name="address">The address.</param>
    /// <param name="master">The master.</param>
    /// <param name="standing">What the router is already.</param>
    /// <param name="node">The node.</param>
    /// <param name="shortcoming">Why it would be another one now; null when it would not.</param>
    internal static FootingGateway? Gateway(
        AddressSpec address, SelectedMaster master, RouterStanding standing, ObservedNode node, out PlanProblem? shortcoming)
    {
        shortcoming = null;
        IPNetwork network = address.Address.Network;
        if (address.Gateway is { } named)
        {
            return new FootingGateway(network, named, IsInferred: false);
        }

        IPAddress? present = node.DefaultRoutes(address.Address.Family)
            .Where(route => route.LinkIndex == master.Link.Index).Select(route => route.Gateway).OfType<IPAddress>()
            .FirstOrDefault(gateway => IsBehind(address.Address, gateway));
        IPAddress? kept = !master.IsKept ? null
            : standing.Footing is { } footing ? footing.Gateways.FirstOrDefault(gateway => gateway.IsInferred && gateway.Network.Equals(network))?.Gateway
            : standing.Gateways.FirstOrDefault(gateway => gateway.AddressFamily == address.Address.Family && IsBehind(address.Address, gateway));
        if (kept is not null && !kept.Equals(present))
        {
            string why = present is null ? $"the node has no default route by {master.Link.Name} now" : $"the node's default route by {master.Link.Name} leads to {present} now";
            shortcoming = new PlanProblem(
                PlanReasons.GatewayKept, $"the gateway of {address.Address.Address} stays {kept}, although {why}; name the one that is meant in spec.addresses[].gateway");
        }

        return (kept ?? present) is { } gateway ? new FootingGateway(network, gateway, IsInferred: true) : null;
    }

    private static SelectedMaster? Choose(InterfaceAddress first, NodeLink[] holders, ObservedNode node)
    {
        if (holders.Length == 1)
        {
            return new SelectedMaster(holders[0], MasterChoice.BySubnet);
        }

        AddressFamily other = first.Address.IsIPv4 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
        NodeRoute? route = node.DefaultRoutes(first.Family).Concat(node.DefaultRoutes(other)).FirstOrDefault();
        return route is not null && node.Links.FirstOrDefault(candidate => candidate.Index == route.LinkIndex) is { } link
            ? new SelectedMaster(link, MasterChoice.ByDefaultRoute)
            : null;
    }

    // A link that was renamed is the same, and so is one that was plugged in again and has its name back.
    private static NodeLink? FindStood(RouterStanding standing, ObservedNode node) =>
        node.Links.FirstOrDefault(link => link.Index == standing.MasterIndex)
        ?? (standing.Footing is { } footing ? node.FindLink(footing.Master) : null);

    // What moved its address to a bridge is to become a port of it, and cannot before the macvlan is gone.
    private static bool IsLetGo(NodeLink stood, MasterChoice? before, SelectedMaster? chosen, InterfaceAddress first, ObservedNode node)
    {
        if (node.Links.Any(link => link.Index == stood.PortOf && MasterFitness.TakesPorts(link)))
        {
            return true;
        }

        bool isBare = before == MasterChoice.ByDefaultRoute ? !stood.Addresses.Any(own => own.Family == first.Family && !own.Address.IsIPv6LinkLocal) : !Holds(stood, first);
        return isBare && chosen is not null && chosen.Link != stood && MasterFitness.TakesPorts(chosen.Link)
            && (chosen.Choice == MasterChoice.BySubnet || before == MasterChoice.ByDefaultRoute);
    }

    private static PlanProblem? WhyAnother(NodeLink stood, SelectedMaster? chosen, InterfaceAddress first, NodeLink[] holders)
    {
        if (chosen?.Link == stood || WhySilent(stood) is not null)
        {
            return null;
        }

        string why = chosen switch
        {
            { Choice: MasterChoice.BySubnet } => $"the subnet that holds {first.Address} is on {chosen.Link.Name} now",
            { } => $"{WhyNone(first, holders)} now, and the default route leads by {chosen.Link.Name}",
            null => $"{WhyNone(first, holders)} now, and there is no default route",
        };
        return new PlanProblem(PlanReasons.MasterKept, $"the master stays {stood.Name}, although {why}; name the one that is meant in {Field}");
    }

    private static string WhyNone(InterfaceAddress first, NodeLink[] holders) => holders.Length == 0
        ? $"no interface of the node has a subnet that holds {first.Address}"
        : $"several interfaces have a subnet that holds {first.Address} ({string.Join(", ", holders.Select(holder => holder.Name))})";

    private static bool IsOf(RouterFooting? footing, NodeLink link) => footing is not null && (link.Name == footing.Master || link.AltNames.Contains(footing.Master));

    private static bool Holds(NodeLink link, InterfaceAddress address) => link.Addresses.Any(own => !own.IsSingleHost && own.Network.Contains(address.Address));

    private static bool IsBehind(InterfaceAddress address, IPAddress gateway) =>
        address.IsSingleHost || gateway.IsIPv6LinkLocal || address.Network.Contains(gateway);
}
