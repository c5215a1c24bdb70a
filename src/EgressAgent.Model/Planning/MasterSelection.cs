using System.Net;
using System.Net.Sockets;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Planning;

/// <summary>Chooses the node interface below a router's macvlan, and the gateways behind it.</summary>
internal static class MasterSelection
{
    /// <summary>
    /// The master that the spec names; else the interface whose subnet holds the first address, if exactly one does; else that
    /// of the default route, of the first address's family before the other.
    /// </summary>
    internal static NodeLink? Select(EgressRouterSpec spec, ObservedNode node, out PlanProblem? problem)
    {
        problem = null;
        if (spec.Master is { } name)
        {
            NodeLink? named = node.FindLink(name);
            problem = named is null
                ? new PlanProblem(PlanReasons.MasterMissing, $"the node has no interface {name} (spec.networkInterface.macvlan.master); waiting for it")
                : null;
            return named;
        }

        InterfaceAddress first = spec.Addresses[0].Address;
        List<NodeLink> holders = [.. node.Links.Where(link => link.Addresses.Any(own => !own.IsSingleHost && own.Network.Contains(first.Address)))];
        if (holders.Count == 1)
        {
            return holders[0];
        }

        AddressFamily other = first.Address.IsIPv4 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
        NodeRoute? route = node.DefaultRoutes(first.Family).Concat(node.DefaultRoutes(other)).FirstOrDefault();
        NodeLink? link = route is null ? null : node.Links.FirstOrDefault(candidate => candidate.Index == route.LinkIndex);
        if (link is null)
        {
            string why = holders.Count == 0
                ? $"no interface of the node has a subnet that holds {first.Address}"
                : $"several interfaces have a subnet that holds {first.Address} ({string.Join(", ", holders.Select(holder => holder.Name))})";
            problem = new PlanProblem(
                PlanReasons.MasterMissing,
                $"{why}, and there is no default route; name one in spec.networkInterface.macvlan.master, or wait until it is there");
        }

        return link;
    }

    /// <summary>Why nothing gets through a master that is there; null when it has a link.</summary>
    internal static PlanProblem? WhySilent(NodeLink master) => master switch
    {
        { IsUp: false } => new PlanProblem(PlanReasons.MasterDown, $"the master {master.Name} is down, set it up: ip link set {master.Name} up"),
        { HasCarrier: false } => new PlanProblem(PlanReasons.MasterDown, $"the master {master.Name} has no carrier, look at its cable and its switch"),
        _ => null,
    };

    /// <summary>
    /// The gateway of an address: the one in the spec, else that of the master's default route in the address's subnet. A
    /// link-local one, as IPv6 routers advertise themselves, is in every subnet of the link.
    /// </summary>
    internal static IPAddress? Gateway(AddressSpec address, NodeLink master, ObservedNode node) =>
        address.Gateway ?? node.DefaultRoutes(address.Address.Family)
            .Where(route => route.LinkIndex == master.Index && route.Gateway is not null)
            .Select(route => route.Gateway)
            .FirstOrDefault(gateway => address.Address.IsSingleHost || gateway!.IsIPv6LinkLocal || address.Address.Network.Contains(gateway));
}
