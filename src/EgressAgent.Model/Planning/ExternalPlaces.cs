using System.Net;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Planning;

/// <summary>Which external addresses a router can claim: no address is announced on a network where it does not belong.</summary>
public static class ExternalPlaces
{
    /// <param name="ports">What it is to hold.</param>
    /// <param name="spec">The router's spec, of the families that it serves.</param>
    /// <param name="master">Its master.</param>
    /// <param name="node">The node.</param>
    /// <param name="shortcomings">Takes why an address is left out.</param>
    public static ValueList<ExternalPort> Choose(
        ValueList<ExternalPort> ports, EgressRouterSpec spec, NodeLink master, ObservedNode node, List<PlanProblem> shortcomings)
    {
        HashSet<IPAddress> left = [];
        foreach (IPAddress address in ports.Select(port => port.Address).Distinct())
        {
            if (WhyNot(address, spec, master, node) is { } problem)
            {
                left.Add(address);
                shortcomings.Add(problem with { Subject = address.ToString() });
            }
        }

        return [.. ports.Where(port => !left.Contains(port.Address)).DistinctBy(port => (port.Address, port.Protocol, port.Port))];
    }

    /// <summary>The networks in which a router can claim one: those of its reserved addresses and of its master, where that is known.</summary>
    public static ValueList<IPNetwork> NetworksOf(EgressRouterSpec spec, NodeLink? master) =>
        [.. spec.Addresses.Select(own => own.Address).Concat(master?.Addresses ?? []).Where(own => !own.IsSingleHost).Select(own => own.Network).Distinct()];

    private static PlanProblem? WhyNot(IPAddress address, EgressRouterSpec spec, NodeLink master, ObservedNode node)
    {
        if (node.Owns(address))
        {
            return new PlanProblem(
                PlanReasons.AddressInUseOnNode, $"the node itself has the external address {address}; take it off the node's interface, or give the Service another one");
        }

        if (spec.Addresses.Any(own => own.Address.Address.Equals(address)))
        {
            return null;
        }

        if (!spec.Addresses.Any(own => own.Address.Family == address.AddressFamily))
        {
            return new PlanProblem(
                PlanReasons.ExternalAddressElsewhere, $"the router serves no {address.FamilyName}, so nothing can be reached by the external address {address}");
        }

        IPNetwork[] networks = [.. NetworksOf(spec, master).Where(network => network.BaseAddress.AddressFamily == address.AddressFamily)];
        IPNetwork[] around = [.. networks.Where(network => network.Contains(address))];
        return around.Length == 0
            ? new PlanProblem(
                PlanReasons.ExternalAddressElsewhere,
                $"the external address {address} belongs to no network of {master.Name} ({(networks.Length == 0 ? "none" : string.Join(", ", networks))}), so it is not claimed there; "
                    + "give the Service an address of that network")
            : around.Select(network => HostAddresses.WhyNotHostOf(network, address)).OfType<string>().FirstOrDefault() is { } fault
                ? new PlanProblem(PlanReasons.ExternalAddressElsewhere, $"the external address {address} is {fault}; give the Service the address of one host")
                : null;
    }
}
