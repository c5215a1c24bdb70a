using System.Net;
using System.Net.Sockets;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Configuration;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Planning;

/// <summary>
/// Works out what must be in the kernel for a router: a pure function of its spec, what it was allocated, the agent's settings
/// and the node's network.
/// </summary>
public static class RouterPlanner
{
    private const int UnmarkedFromOutsideRulePriority = 99;
    private const int ReturnRulePriority = 100;
    private const int ReflectedRulePriority = 101;
    private const int NodeReplyRulePriority = 102;
    private const int OwnRulePriority = 103;
    private const int UnmarkedFromClientRulePriority = 104;
    private const int UnseenRulePriority = 105;

    public static RouterPlan Plan(
        RouterKey key, EgressRouterSpec spec, RouterAllocation allocation, ObservedNode node, AgentConfiguration configuration)
    {
        if (FindInsideNetworkConflict(allocation, node) is { } conflict)
        {
            return RouterPlan.Waiting(PlanReasons.InsideNetworkConflict, conflict);
        }

        if (spec.Addresses.FirstOrDefault(address => allocation.InsideAddresses.All(inside => inside.Family != address.Address.Family)) is { } homeless)
        {
            return RouterPlan.Waiting(
                PlanReasons.InsideNetworkMissing,
                $"clients have no way to {homeless.Address}: insideNetworks of /etc/egress-agentd/agentd.yaml has no network of its family");
        }

        if (spec.Addresses.FirstOrDefault(address => node.Owns(address.Address.Address)) is { } owned)
        {
            return RouterPlan.Waiting(
                PlanReasons.AddressInUseOnNode,
                $"the node itself has {owned.Address.Address}; a reserved address belongs to one router alone, so take it off the node's interface");
        }

        if (MasterSelection.Select(spec, node, out PlanProblem? problem) is not { } master)
        {
            return RouterPlan.Waiting(problem!.Reason, problem.Message);
        }

        RedirectPlan redirect = RedirectCompiler.Compile(key, spec, allocation.InsideAddresses, configuration);
        List<PlanProblem> shortcomings = [.. MasterSelection.WhySilent(master) is { } silent ? [silent] : ValueList<PlanProblem>.Empty];
        var desired = new DesiredRouter
        {
            Key = key,
            Veth = new DesiredVeth(RouterNames.NodeLink(key), RouterNames.NodeLinkAltName(key), master.Mtu),
            Macvlan = new DesiredMacvlan(
                master.Index,
                master.Name,
                spec.MacvlanMode,
                spec.MacvlanMode == MacvlanMode.Passthru ? null : spec.MacAddress ?? allocation.Mac,
                master.Mtu),
            InsideNetworks = [.. allocation.InsideAddresses.Select(inside => inside.Network)],
            Redirect = redirect,
            Sysctls = RouterSysctls.Compile(redirect.Families.Any(family => family.Family == AddressFamily.InterNetworkV6)),
            InsideAddresses = [.. allocation.InsideAddresses.SelectMany(inside => InsideAddresses(key, inside))],
            ReservedAddresses = [.. spec.Addresses.Select(address => new AddressEntry(NetworkSide.Router, RouterNames.OutsideLink, address.Address))],
            Routes = [.. Routes(key, spec, allocation, redirect, master, node, shortcomings)],
            Rules = [.. allocation.InsideAddresses.SelectMany(inside => Rules(inside))],
        };
        return RouterPlan.Ready(desired, master, [.. shortcomings]);
    }

    private static string? FindInsideNetworkConflict(RouterAllocation allocation, ObservedNode node)
    {
        foreach (InterfaceAddress inside in allocation.InsideAddresses)
        {
            IPNetwork network = inside.Network;

            // A VPN may split the default route into two halves; those no more clash than the whole.
            NodeRoute? clash = node.Routes.FirstOrDefault(route => route.Destination.PrefixLength > 1
                && (network.Contains(route.Destination.BaseAddress) || route.Destination.Contains(network.BaseAddress)));
            if (clash is not null)
            {
                string link = node.Links.FirstOrDefault(candidate => candidate.Index == clash.LinkIndex)?.Name ?? $"interface {clash.LinkIndex}";
                return $"the inside network {network} overlaps the node's route to {clash.Destination} (dev {link}, table {clash.Table}); "
                    + "choose another range in insideNetworks of /etc/egress-agentd/agentd.yaml";
            }
        }

        return null;
    }

    private static IEnumerable<AddressEntry> InsideAddresses(RouterKey key, InterfaceAddress inside)
    {
        IPAddress node = InsideAddressAllocator.NodeAddress(inside.Network);
        yield return new AddressEntry(NetworkSide.Router, RouterNames.InsideLink, inside);
        yield return new AddressEntry(NetworkSide.Node, RouterNames.NodeLink(key), SingleHost(node));
    }

    private static IEnumerable<RouteEntry> Routes(
        RouterKey key,
        EgressRouterSpec spec,
        RouterAllocation allocation,
        RedirectPlan redirect,
        NodeLink master,
        ObservedNode node,
        List<PlanProblem> shortcomings)
    {
        string nodeLink = RouterNames.NodeLink(key);
        foreach (InterfaceAddress inside in allocation.InsideAddresses)
        {
            IPAddress nodeAddress = InsideAddressAllocator.NodeAddress(inside.Network);
            yield return PrefixRoute(RouterNames.InsideLink, inside);
            yield return new RouteEntry(NetworkSide.Router, DefaultOf(inside.Family), nodeAddress, RouterNames.InsideLink, RouteEntry.ReturnTable);
            yield return new RouteEntry(NetworkSide.Node, SingleHost(inside.Address).Network, null, nodeLink)
            {
                PreferredSource = nodeAddress,
                IsLinkScope = inside.Address.IsIPv4,
            };
        }

        foreach (FamilyRedirect family in redirect.Families)
        {
            foreach (RouteEntry route in OutsideRoutes(spec, family, master, node, shortcomings))
            {
                yield return route;
            }

            foreach (RouteEntry route in NodeDestinationRoutes(nodeLink, allocation, redirect, family, node))
            {
                yield return route;
            }
        }
    }

    private static IEnumerable<RouteEntry> OutsideRoutes(
        EgressRouterSpec spec, FamilyRedirect family, NodeLink master, ObservedNode node, List<PlanProblem> shortcomings)
    {
        bool hasDefault = false;
        HashSet<IPAddress> gateways = [];
        HashSet<IPNetwork> networks = [];
        foreach (AddressSpec address in spec.Addresses.Where(address => address.Address.Family == family.Family))
        {
            // The kernel makes one route for a network, with the first address in it as source.
            if (!address.Address.IsSingleHost && networks.Add(address.Address.Network))
            {
                yield return PrefixRoute(RouterNames.OutsideLink, address.Address);
            }

            if (MasterSelection.Gateway(address, master, node) is not { } gateway)
            {
                continue;
            }

            // With universe scope `ip route` prints it bare, as documented. A gateway outside of the address's subnet must be
            // of link scope, or the kernel does not take it for a next hop.
            if (gateways.Add(gateway) && !gateway.IsIPv6LinkLocal)
            {
                yield return new RouteEntry(NetworkSide.Router, SingleHost(gateway).Network, null, RouterNames.OutsideLink)
                {
                    IsLinkScope = gateway.IsIPv4 && !address.Address.Network.Contains(gateway),
                };
            }

            if (!hasDefault)
            {
                hasDefault = true;
                yield return new RouteEntry(NetworkSide.Router, DefaultOf(family.Family), gateway, RouterNames.OutsideLink);
            }
        }

        if (!hasDefault)
        {
            shortcomings.Add(new PlanProblem(
                PlanReasons.GatewayUnknown,
                $"no gateway is known for {family.Source}: the master {master.Name} has no default route in its subnet; "
                + "set spec.addresses[].gateway, or only destinations in the same subnet can be reached"));
        }
    }

    // A macvlan cannot talk to its parent, so a destination that is the node itself is reached over the veth, and the node
    // finds the reserved address behind the inside one: nobody answers ARP for it in there.
    private static IEnumerable<RouteEntry> NodeDestinationRoutes(
        string nodeLink, RouterAllocation allocation, RedirectPlan redirect, FamilyRedirect family, ObservedNode node)
    {
        InterfaceAddress inside = allocation.InsideAddresses.First(inside => inside.Family == family.Family);
        IPAddress nodeAddress = InsideAddressAllocator.NodeAddress(inside.Network);
        List<IPAddress> destinations =
        [
            .. redirect.Rules.Select(rule => rule.Destination).Append(family.Fallback).OfType<IPAddress>()
                .Where(destination => destination.AddressFamily == family.Family && node.Owns(destination)).Distinct(),
        ];
        foreach (IPAddress destination in destinations)
        {
            yield return new RouteEntry(NetworkSide.Router, SingleHost(destination).Network, nodeAddress, RouterNames.InsideLink);
        }

        if (destinations.Count > 0)
        {
            yield return new RouteEntry(NetworkSide.Node, SingleHost(family.Source).Network, inside.Address, nodeLink);
        }
    }

    private static IEnumerable<RuleEntry> Rules(InterfaceAddress inside)
    {
        foreach (RuleEntry builtIn in RuleEntry.BuiltIn(inside.Family))
        {
            yield return builtIn;
        }

        // What the ruleset has not marked is not forwarded. Where it has seen a packet that it does not redirect, the client is told.
        yield return new(inside.Family, UnmarkedFromOutsideRulePriority, RouterNames.OutsideLink, 0, 0)
        {
            MarkMask = PacketMarks.Redirected,
            Action = RuleAction.Blackhole,
        };
        yield return new(inside.Family, ReturnRulePriority, RouterNames.OutsideLink, null, RouteEntry.ReturnTable);
        yield return new(inside.Family, ReflectedRulePriority, "lo", PacketMarks.FromClient, RouteEntry.ReturnTable)
        {
            MarkMask = PacketMarks.FromClient,
        };
        yield return new(inside.Family, NodeReplyRulePriority, null, PacketMarks.ReplyFromNode, RouteEntry.ReturnTable);

        // What the relay's own sockets send to clients carries no mark, nor does what the kernel answers while there is no ruleset.
        yield return new(inside.Family, OwnRulePriority, "lo", null, RouteEntry.ReturnTable) { Source = SingleHost(inside.Address).Network };
        yield return new(inside.Family, UnmarkedFromClientRulePriority, RouterNames.InsideLink, PacketMarks.FromClient, 0)
        {
            MarkMask = PacketMarks.FromClient | PacketMarks.Redirected,
            Action = RuleAction.Prohibit,
        };
        yield return new(inside.Family, UnseenRulePriority, RouterNames.InsideLink, 0, 0)
        {
            MarkMask = PacketMarks.Redirected,
            Action = RuleAction.Blackhole,
        };
    }

    private static RouteEntry PrefixRoute(string link, InterfaceAddress address) => new(NetworkSide.Router, address.Network, null, link)
    {
        PreferredSource = address.Address.IsIPv4 ? address.Address : null,
        IsKernelMade = true,
        IsLinkScope = address.Address.IsIPv4,
    };

    private static InterfaceAddress SingleHost(IPAddress address) => new(address, address.MaxPrefixLength);

    private static IPNetwork DefaultOf(AddressFamily family) =>
        new(family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
}
