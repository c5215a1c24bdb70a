using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Planning;

/// <summary>
/// Works out what must be in the kernel for a router: a pure function of its spec, what it was allocated, the agent's settings
/// and the node's network.
/// </summary>
public static class RouterPlanner
{
    private const int FromLanRulePriority = 93;
    private const int UnmarkedFromServiceRulePriority = 94;
    private const int UnseenFromServiceRulePriority = 95;
    private const int FromServiceRulePriority = 96;
    private const int ServiceReturnRulePriority = 97;
    private const int ReplyRulePriority = 98;
    private const int RedirectedRulePriority = 99;
    private const int UnmarkedFromOutsideRulePriority = 100;
    private const int ReflectedRulePriority = 101;
    private const int NodeReplyRulePriority = 102;
    private const int OwnRulePriority = 103;
    private const int UnmarkedFromClientRulePriority = 104;
    private const int UnseenRulePriority = 105;

    /// <param name="key">The router.</param>
    /// <param name="spec">Its valid spec.</param>
    /// <param name="allocation">What it was given.</param>
    /// <param name="node">The node.</param>
    /// <param name="configuration">The agent's settings.</param>
    /// <param name="standing">What it is already: that stays, where nothing forbids it.</param>
    /// <param name="isBehindService">Whether a Service leads to it.</param>
    /// <param name="external">The ports of Services at external addresses that it is to hold; null for none.</param>
    /// <param name="role">What this node is to it.</param>
    /// <param name="whyNoFlowOffload">Why the kernel cannot offload flows, where <see cref="FlowOffload.IsForTheKernel"/>; null when it can.</param>
    public static RouterPlan Plan(
        RouterKey key,
        EgressRouterSpec spec,
        RouterAllocation allocation,
        ObservedNode node,
        AgentConfiguration configuration,
        RouterStanding? standing = null,
        bool isBehindService = false,
        ValueList<ExternalPort>? external = null,
        FailoverRole role = FailoverRole.None,
        string? whyNoFlowOffload = null)
    {
        standing ??= RouterStanding.None;
        List<PlanProblem> shortcomings = [];
        HashSet<AddressFamily> served = [];
        HashSet<AddressFamily> families = [.. spec.Addresses.Select(address => address.Address.Family)];
        foreach (AddressFamily family in families)
        {
            PlanProblem? problem = WhyNot(family, spec, allocation, node, standing, out bool isForNewOnly);
            if (problem is null || isForNewOnly)
            {
                served.Add(family);
            }

            shortcomings.AddRange(new[] { problem }.OfType<PlanProblem>());
        }

        if (served.Count == 0)
        {
            return RouterPlan.Waiting(shortcomings[0]);
        }

        if (MasterSelection.Select(spec, standing, node, out PlanProblem? noMaster) is not { } selected)
        {
            return RouterPlan.Waiting(noMaster!);
        }

        NodeLink master = selected.Link;
        if (MasterFitness.WhyUnfit(spec, master, node) is { } unfit)
        {
            return RouterPlan.Waiting(unfit);
        }

        shortcomings.AddRange(new[] { MasterSelection.WhySilent(master), selected.Shortcoming }.OfType<PlanProblem>());
        IPNetwork choiceNetwork = spec.Addresses[0].Address.Network;
        (spec, allocation) = Restrict(spec, allocation, served);
        FootingGateway?[] gateways = [.. spec.Addresses.Select(address => GatewayOf(address, selected, standing, node, shortcomings))];
        ServiceLink? serviceLink = isBehindService ? ServiceLinkOf(allocation, master, configuration) : null;
        external = ExternalPlaces.Choose(external ?? [], spec, master, node, shortcomings);
        RedirectPlan redirect = RedirectCompiler.Compile(key, spec, allocation.InsideAddresses, configuration, external) with
        {
            IsBehindService = serviceLink is not null,
            OffloadsFlows = FlowOffload.IsForTheKernel(spec, configuration) && whyNoFlowOffload is null,
        };
        string nodeLink = RouterNames.NodeLink(key);
        var desired = new DesiredRouter
        {
            Key = key,
            Role = role,
            Veth = new DesiredVeth(nodeLink, RouterNames.NodeLinkAltName(key), master.Mtu),
            Macvlan = new DesiredMacvlan(
                master.Index,
                master.Name,
                spec.MacvlanMode,
                spec.MacvlanMode == MacvlanMode.Passthru ? null : spec.MacAddress ?? MacOf(key, spec, configuration) ?? allocation.Mac,
                master.Mtu)
            {
                IsUp = role != FailoverRole.Standby,
                IsFenced = spec.Failover == FailoverMode.Cluster,
            },
            InsideNetworks = [.. allocation.InsideAddresses.Select(inside => inside.Network)],
            Redirect = redirect,
            WhyNoFlowOffload = FlowOffload.WhyNot(spec, configuration, whyNoFlowOffload),
            ServiceLink = serviceLink,
            Sysctls =
            [
                .. RouterSysctls.Compile(redirect.Families.Any(family => family.Family == AddressFamily.InterNetworkV6), redirect.OffloadsFlows),
                .. NodeSettings.OfRouter(node.Settings),
            ],
            InsideAddresses =
            [
                .. allocation.InsideAddresses.SelectMany(inside => InsideAddresses(nodeLink, inside)),
                .. FamiliesOf(serviceLink).Select(family => new AddressEntry(NetworkSide.Router, RouterNames.ServiceLink, SingleHost(family.Inside))),
            ],
            ReservedAddresses = role == FailoverRole.Standby ? [] : [.. spec.Addresses.Select(address => new AddressEntry(NetworkSide.Router, RouterNames.OutsideLink, address.Address))],
            ExternalAddresses =
            [
                .. redirect.ExternalAddresses.Where(address => !spec.Addresses.Any(own => own.Address.Address.Equals(address)))
                    .Select(address => new AddressEntry(NetworkSide.Router, RouterNames.OutsideLink, SingleHost(address))),
            ],
            Routes = [.. Routes(nodeLink, spec, allocation, redirect, master, gateways, node, role, shortcomings), .. FamiliesOf(serviceLink).SelectMany(ServiceRoutes)],
            StandbyGateways = role == FailoverRole.Standby && spec.Failover == FailoverMode.Cluster
                ? [.. gateways.OfType<FootingGateway>().Select(gateway => gateway.Gateway).Where(gateway => !node.Owns(gateway)).DistinctBy(gateway => gateway.AddressFamily)]
                : [],
            Rules =
            [
                .. redirect.ExternalAddresses.Select(address => address.AddressFamily).Distinct().Select(FromLanRule),
                .. allocation.InsideAddresses.SelectMany(inside => Rules(inside)),
                .. FamiliesOf(serviceLink).SelectMany(family => ServiceRules(family.Inside.AddressFamily)),
            ],
        };
        var footing = new RouterFooting(master.Name, selected.Choice, choiceNetwork, [.. gateways.OfType<FootingGateway>()]);
        return RouterPlan.Ready(desired, footing, master, [.. shortcomings]) with { IsPartial = served.Count < families.Count };
    }

    // In a cluster all nodes come to the same one, so that it moves with the address, and nobody has to learn another.
    private static PhysicalAddress? MacOf(RouterKey key, EgressRouterSpec spec, AgentConfiguration configuration) =>
        spec.Failover == FailoverMode.Cluster && configuration.Cluster is { } cluster ? InsideAddressAllocator.DeriveMac($"cluster {cluster.Name}", key) : null;

    /// <param name="family">The family.</param>
    /// <param name="spec">The router's spec.</param>
    /// <param name="allocation">What it was given.</param>
    /// <param name="node">The node.</param>
    /// <param name="standing">What it is already.</param>
    /// <param name="isForNewOnly">Whether a router that serves goes on all the same, and this one does.</param>
    private static PlanProblem? WhyNot(
        AddressFamily family, EgressRouterSpec spec, RouterAllocation allocation, ObservedNode node, RouterStanding standing, out bool isForNewOnly)
    {
        isForNewOnly = false;
        AddressSpec[] addresses = [.. spec.Addresses.Where(address => address.Address.Family == family)];
        if (family == AddressFamily.InterNetworkV6 && node.WhyNoIPv6 is { } off)
        {
            return new PlanProblem(PlanReasons.IPv6Off, $"clients have no way to {addresses[0].Address}: {off}");
        }

        if (allocation.InsideAddresses.FirstOrDefault(inside => inside.Family == family) is not { } own)
        {
            return new PlanProblem(
                PlanReasons.InsideNetworkMissing,
                $"clients have no way to {addresses[0].Address}: insideNetworks of /etc/egress-agentd/agentd.yaml has no network of its family");
        }

        if (NetworkConflicts.Find(own.Network, "inside network", "insideNetworks", node) is { } conflict)
        {
            isForNewOnly = standing.Families.Contains(family);
            return new PlanProblem(PlanReasons.InsideNetworkConflict, isForNewOnly ? $"{conflict}; this router goes on, new ones wait" : conflict);
        }

        if (addresses.FirstOrDefault(address => node.Owns(address.Address.Address)) is { } owned)
        {
            isForNewOnly = standing.Addresses.Any(held => held.Address.Equals(owned.Address.Address));
            return new PlanProblem(
                PlanReasons.AddressInUseOnNode,
                $"the node itself has {owned.Address.Address}; a reserved address belongs to one router alone, so take it off the node's interface");
        }

        return null;
    }

    // Only for the families in which Services have a network.
    private static ServiceLink? ServiceLinkOf(RouterAllocation allocation, NodeLink master, AgentConfiguration configuration)
    {
        ValueList<ServiceLinkFamily> families =
        [
            .. from inside in allocation.InsideAddresses
               from network in configuration.ServiceNetworks
               where network.BaseAddress.AddressFamily == inside.Family
               select new ServiceLinkFamily(InsideAddressAllocator.NodeAddress(network), inside.Address),
        ];
        return families.Count == 0 ? null : new ServiceLink(master.Mtu, families);
    }

    // The families that are not served are as if the file did not name them.
    private static (EgressRouterSpec, RouterAllocation) Restrict(EgressRouterSpec spec, RouterAllocation allocation, HashSet<AddressFamily> served) => (
        spec with
        {
            Addresses = [.. spec.Addresses.Where(address => served.Contains(address.Address.Family))],
            Rules = [.. spec.Rules.Where(rule => served.Contains(rule.Destination.AddressFamily))],
            FallbackIP = spec.FallbackIP is { } fallback && served.Contains(fallback.AddressFamily) ? fallback : null,
        },
        allocation with { InsideAddresses = [.. allocation.InsideAddresses.Where(inside => served.Contains(inside.Family))] });

    private static FootingGateway? GatewayOf(
        AddressSpec address, SelectedMaster master, RouterStanding standing, ObservedNode node, List<PlanProblem> shortcomings)
    {
        FootingGateway? gateway = MasterSelection.Gateway(address, master, standing, node, out PlanProblem? shortcoming);

        // What is told of the master is why the default route is away, more often than not.
        if (shortcoming is not null && !shortcomings.Any(other => other.Reason is PlanReasons.MasterDown or PlanReasons.MasterKept))
        {
            shortcomings.Add(shortcoming);
        }

        return gateway;
    }

    private static IEnumerable<AddressEntry> InsideAddresses(string nodeLink, InterfaceAddress inside)
    {
        IPAddress node = InsideAddressAllocator.NodeAddress(inside.Network);
        yield return new AddressEntry(NetworkSide.Router, RouterNames.InsideLink, inside);
        yield return new AddressEntry(NetworkSide.Node, nodeLink, SingleHost(node));
    }

    private static IEnumerable<RouteEntry> Routes(
        string nodeLink,
        EgressRouterSpec spec,
        RouterAllocation allocation,
        RedirectPlan redirect,
        NodeLink master,
        FootingGateway?[] gateways,
        ObservedNode node,
        FailoverRole role,
        List<PlanProblem> shortcomings)
    {
        foreach (InterfaceAddress inside in allocation.InsideAddresses)
        {
            IPAddress nodeAddress = InsideAddressAllocator.NodeAddress(inside.Network);
            yield return PrefixRoute(RouterNames.InsideLink, inside);
            yield return new RouteEntry(NetworkSide.Router, DefaultOf(inside.Family), nodeAddress, RouterNames.InsideLink, RouteEntry.ReturnTable) { IsMarked = true };
            yield return new RouteEntry(NetworkSide.Node, SingleHost(inside.Address).Network, null, nodeLink)
            {
                IsMarked = true,
                PreferredSource = nodeAddress,
                IsLinkScope = inside.Address.IsIPv4,
            };
        }

        foreach (FamilyRedirect family in redirect.Families)
        {
            // What a holder will lack a standby says too. It has none of these: no link to go by, and the reserved address is elsewhere.
            RouteEntry[] routes =
            [
                .. OutsideRoutes(spec, family, master, gateways, node, shortcomings),
                .. NodeDestinationRoutes(nodeLink, allocation, redirect, family, node),
            ];
            foreach (RouteEntry route in role == FailoverRole.Standby ? [] : routes)
            {
                yield return route;
            }
        }
    }

    private static IEnumerable<RouteEntry> OutsideRoutes(
        EgressRouterSpec spec, FamilyRedirect family, NodeLink master, FootingGateway?[] gatewaysByAddress, ObservedNode node, List<PlanProblem> shortcomings)
    {
        bool hasDefault = false;
        HashSet<IPAddress> gateways = [];
        HashSet<IPNetwork> networks = [];
        foreach ((AddressSpec address, FootingGateway? known) in spec.Addresses.Zip(gatewaysByAddress).Where(pair => pair.First.Address.Family == family.Family))
        {
            // The kernel makes one route for a network, with the first address in it as source.
            if (!address.Address.IsSingleHost && networks.Add(address.Address.Network))
            {
                yield return PrefixRoute(RouterNames.OutsideLink, address.Address);
            }

            if (known is not { Gateway: var gateway })
            {
                continue;
            }

            if (node.Owns(gateway))
            {
                shortcomings.Add(new PlanProblem(
                    PlanReasons.GatewayIsTheNode,
                    $"the gateway {gateway} is the node itself, which a macvlan cannot reach; "
                        + "name the router of that network in spec.addresses[].gateway, or only destinations in the same subnet can be reached")
                {
                    Subject = gateway.ToString(),
                });
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
            yield return new RouteEntry(NetworkSide.Router, SingleHost(destination).Network, nodeAddress, RouterNames.InsideLink) { IsMarked = true };
        }

        if (destinations.Count > 0)
        {
            yield return new RouteEntry(NetworkSide.Node, SingleHost(family.Source).Network, inside.Address, nodeLink) { IsMarked = true };
        }
    }

    private static IEnumerable<RuleEntry> Rules(InterfaceAddress inside)
    {
        foreach (RuleEntry builtIn in RuleEntry.BuiltIn(inside.Family))
        {
            yield return builtIn;
        }

        // What the ruleset has marked is forwarded, and meets these rules first, since each costs each packet.
        yield return new(inside.Family, ReplyRulePriority, RouterNames.OutsideLink, PacketMarks.Redirected, RouteEntry.ReturnTable)
        {
            MarkMask = PacketMarks.Redirected,
        };
        yield return new(inside.Family, RedirectedRulePriority, RouterNames.InsideLink, PacketMarks.Redirected, RouteEntry.MainTable)
        {
            MarkMask = PacketMarks.Redirected,
        };

        // What it has not marked is not. Where it has seen a packet that it does not redirect, the client is told.
        yield return new(inside.Family, UnmarkedFromOutsideRulePriority, RouterNames.OutsideLink, null, 0) { Action = RuleAction.Blackhole };
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

    // Before those that take what comes in by net1 for the answer to a client on the other side.
    private static RuleEntry FromLanRule(AddressFamily family) => new(family, FromLanRulePriority, null, PacketMarks.FromLan, RouteEntry.MainTable)
    {
        MarkMask = PacketMarks.FromLan,
    };

    private static ValueList<ServiceLinkFamily> FamiliesOf(ServiceLink? link) => link?.Families ?? [];

    // What came by the service link goes back by it: the node knows the Service's address behind the netns of Services alone.
    private static IEnumerable<RouteEntry> ServiceRoutes(ServiceLinkFamily family)
    {
        yield return new RouteEntry(NetworkSide.Router, SingleHost(family.Gateway).Network, null, RouterNames.ServiceLink, RouteEntry.ServiceReturnTable)
        {
            IsMarked = true,
            IsLinkScope = family.Gateway.IsIPv4,
        };
        yield return new RouteEntry(
            NetworkSide.Router, DefaultOf(family.Gateway.AddressFamily), family.Gateway, RouterNames.ServiceLink, RouteEntry.ServiceReturnTable)
        {
            IsMarked = true,
        };
    }

    // As those for clients on the other side: out with what was redirected, and with nothing else; back with what carries the mark.
    private static IEnumerable<RuleEntry> ServiceRules(AddressFamily family)
    {
        yield return new(family, UnmarkedFromServiceRulePriority, RouterNames.ServiceLink, PacketMarks.ByService, 0)
        {
            MarkMask = PacketMarks.ByService | PacketMarks.Redirected,
            Action = RuleAction.Prohibit,
        };
        yield return new(family, UnseenFromServiceRulePriority, RouterNames.ServiceLink, 0, 0)
        {
            MarkMask = PacketMarks.Redirected,
            Action = RuleAction.Blackhole,
        };
        yield return new(family, FromServiceRulePriority, RouterNames.ServiceLink, null, RouteEntry.MainTable);
        yield return new(family, ServiceReturnRulePriority, null, PacketMarks.ByService, RouteEntry.ServiceReturnTable)
        {
            MarkMask = PacketMarks.ByService,
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
