using System.Net;
using System.Net.Sockets;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Linux.Netlink.Rules;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using RuleAction = EgressAgent.Linux.Netlink.Rules.RuleAction;

namespace EgressAgent.Engine.Kernel;

/// <summary>Why a packet takes the route that it takes.</summary>
/// <param name="Text">The route, and the rule of the routing policy that leads there.</param>
/// <param name="Command">What takes the route away, where nothing else does; null when a rule before <paramref name="RulePriority"/> does.</param>
/// <param name="RulePriority">That of the rule.</param>
internal sealed record RouteOrigin(string Text, string? Command, uint RulePriority)
{
    /// <summary>After which packets to the network take the agent's own route.</summary>
    internal string CommandFor(IPNetwork network) => Command
        ?? $"ip {(network.BaseAddress.IsIPv4 ? "" : "-6 ")}rule add to {network} lookup main pref {Math.Max(RulePriority, 2) - 1}";
}

/// <summary>Finds which rule and route the kernel has followed, as its answer names the route alone. Not thread-safe.</summary>
internal sealed class RouteOrigins(RouteNetlink route, ObservedNode node)
{
    private readonly Dictionary<AddressFamily, IReadOnlyList<PolicyRule>> _rules = [];
    private readonly Dictionary<(uint, AddressFamily), IReadOnlyList<Route>> _routes = [];
    private readonly Dictionary<AddressFamily, bool> _mayRefuse = [];

    /// <summary>Whether it matters to the routing policy which mark a packet has.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    internal bool AskForMarks(AddressFamily family) => RulesOf(family).Any(rule => rule.MarkMask != 0);

    /// <summary>Of a route that is not the agent's.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    internal RouteOrigin? Explain(Route taken, Func<int, string> nameOf)
    {
        string words = Words(taken, nameOf);
        if (taken.Table == RouteTable.Local)
        {
            NodeLink? holder = node.Links.FirstOrDefault(link => link.Addresses.Any(address => address.Address.Equals(taken.Destination.BaseAddress)));
            int length = holder?.Addresses.First(address => address.Address.Equals(taken.Destination.BaseAddress)).PrefixLength ?? taken.Destination.PrefixLength;
            return new RouteOrigin($"it is an address of {holder?.Name ?? "lo"}", $"ip address del {taken.Destination.BaseAddress}/{length} dev {holder?.Name ?? "lo"}", 0);
        }

        if (taken.Table == RouteTable.Main)
        {
            return new RouteOrigin($"route {words}", $"ip {Family(taken)}route del {words}", 0);
        }

        return RulesOf(taken.Family).FirstOrDefault(rule => rule.Action == RuleAction.Lookup && rule.Table == taken.Table) is { } rule
            ? new RouteOrigin($"rule {rule}, route {words}", null, rule.Priority)
            : null;
    }

    /// <summary>Of a rule or route that refuses packets to an address, and is not the agent's; null where none is known for sure.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    internal RouteOrigin? ExplainRefusal(IPAddress address, Func<int, string> nameOf)
    {
        // As on most nodes. With hundreds of routers there are as many routes to look through for each.
        if (!MayRefuse(address.AddressFamily))
        {
            return null;
        }

        foreach (PolicyRule rule in RulesOf(address.AddressFamily))
        {
            if (rule is not { InputLinkName: null, OutputLinkName: null, MarkMask: 0, Source: null } || rule.Destination?.Contains(address) == false)
            {
                continue;
            }

            if (IsRefusal(rule))
            {
                return new RouteOrigin($"rule {rule}", null, rule.Priority);
            }

            Route? best = rule.Action != RuleAction.Lookup ? null : RoutesOf(rule.Table, address.AddressFamily)
                .Where(candidate => candidate.Destination.Contains(address))
                .MinBy(candidate => (-candidate.Destination.PrefixLength, candidate.Priority));
            if (best is null or { Type: RouteType.Throw })
            {
                continue;
            }

            if (!IsRefusal(best))
            {
                return null;
            }

            string words = Words(best, nameOf);
            return best.Table == RouteTable.Main
                ? new RouteOrigin($"route {words}", $"ip {Family(best)}route del {words}", 0)
                : new RouteOrigin($"rule {rule}, route {words}", null, rule.Priority);
        }

        return null;
    }

    private bool MayRefuse(AddressFamily family)
    {
        if (!_mayRefuse.TryGetValue(family, out bool mayRefuse))
        {
            mayRefuse = RulesOf(family).Any(rule => IsRefusal(rule) || (rule.Action == RuleAction.Lookup && RoutesOf(rule.Table, family).Any(IsRefusal)));
            _mayRefuse.Add(family, mayRefuse);
        }

        return mayRefuse;
    }

    private static bool IsRefusal(PolicyRule rule) => rule.Action is RuleAction.Blackhole or RuleAction.Unreachable or RuleAction.Prohibit;

    private static bool IsRefusal(Route route) =>
        route.Type is RouteType.Blackhole or RouteType.Unreachable or RouteType.Prohibit && !HeldNetworks.IsHeld(route);

    // As ip-route(8) has it.
    private static string Words(Route route, Func<int, string> nameOf)
    {
        string type = route.Type == RouteType.Unicast ? "" : $"{route.Type.ToString().ToLowerInvariant()} ";
        string via = route.Gateway is null ? "" : $" via {(route.Gateway.AddressFamily == route.Family ? "" : "inet6 ")}{route.Gateway}";
        string dev = route is { Type: RouteType.Unicast, OutputLinkIndex: { } index } ? $" dev {nameOf(index)}" : "";
        string metric = route.Priority == 0 ? "" : $" metric {route.Priority}";
        return $"{type}{(route.IsDefault ? "default" : route.Destination)}{via}{dev}{(route.Table == RouteTable.Main ? "" : $" table {route.Table}")}{metric}";
    }

    private static string Family(Route route) => route.Family == AddressFamily.InterNetwork ? "" : "-6 ";

    private IReadOnlyList<PolicyRule> RulesOf(AddressFamily family)
    {
        if (!_rules.TryGetValue(family, out IReadOnlyList<PolicyRule>? rules))
        {
            _rules.Add(family, rules = route.GetRules(family));
        }

        return rules;
    }

    private IReadOnlyList<Route> RoutesOf(uint table, AddressFamily family)
    {
        if (!_routes.TryGetValue((table, family), out IReadOnlyList<Route>? routes))
        {
            _routes.Add((table, family), routes = route.GetRoutes(table, family));
        }

        return routes;
    }
}
