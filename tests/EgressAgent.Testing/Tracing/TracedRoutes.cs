using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Testing.Tracing;

/// <summary>The routing of a router's netns: the addresses, rules and routes of its plan.</summary>
internal sealed class TracedRoutes
{
    private readonly List<AddressEntry> _addresses;
    private readonly List<RuleEntry> _rules;
    private readonly List<RouteEntry> _routes;

    internal TracedRoutes(DesiredRouter router)
    {
        _addresses = [.. router.InsideAddresses.Concat(router.ReservedAddresses).Where(address => address.Side == NetworkSide.Router)];
        _rules = [.. router.Rules.OrderBy(rule => rule.Priority)];
        _routes = [.. router.Routes.Where(route => route.Side == NetworkSide.Router).OrderByDescending(route => route.Destination.PrefixLength)];
    }

    internal void Remove(IPAddress address) => _addresses.RemoveAll(entry => entry.Address.Address.Equals(address));

    internal bool IsLocal(IPAddress address) => _addresses.Exists(entry => entry.Address.Address.Equals(address));

    /// <summary><c>local</c>, <c>broadcast</c> for what is nobody's, else <c>unicast</c>.</summary>
    internal string TypeOf(IPAddress address) => IsLocal(address) ? "local" : IsBroadcast(address) ? "broadcast" : "unicast";

    internal bool Serves(AddressFamily family) => _addresses.Exists(entry => entry.Address.Family == family);

    /// <summary>The source that the kernel takes for its own packets on a link.</summary>
    internal IPAddress? AddressOf(string link, AddressFamily family) =>
        _addresses.Find(entry => entry.Link == link && entry.Address.Family == family)?.Address.Address;

    /// <summary>The interface for a packet; <c>lo</c> for one that is addressed to the netns itself, null when it leads nowhere.</summary>
    /// <param name="passage">The packet.</param>
    /// <param name="refusal">The rule by which it goes nowhere.</param>
    internal string? FindLink(Passage passage, out RuleEntry? refusal)
    {
        refusal = null;
        IPAddress destination = passage.Destination.Address;
        if (IsLocal(destination) || IsMulticast(destination) || destination.IsIPv6LinkLocal)
        {
            return "lo";
        }

        foreach (RuleEntry rule in _rules.Where(rule => Applies(rule, passage)))
        {
            if (rule.Action != RuleAction.Lookup)
            {
                refusal = rule;
                return null;
            }

            if (_routes.Find(route => route.Table == rule.Table && route.Destination.Contains(destination)) is { } route)
            {
                return route.Link;
            }
        }

        return null;
    }

    internal static bool IsMulticast(IPAddress address) => address.IsIPv4 ? address.GetAddressBytes()[0] >= 224 : address.IsIPv6Multicast;

    private bool IsBroadcast(IPAddress address) => address.IsIPv4
        && (address.GetAddressBytes()[0] == 0 || _addresses.Exists(entry => entry.Address.Address.IsIPv4 && !entry.Address.IsSingleHost
            && entry.Address.Network.Contains(address) && IsLast(entry.Address.Network, address)));

    private static bool IsLast(IPNetwork network, IPAddress address) =>
        (BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes()) | (uint)(0xffff_ffffUL << (32 - network.PrefixLength))) == uint.MaxValue;

    // To the routing policy, what the netns sends itself comes in by the loopback interface.
    private static bool Applies(RuleEntry rule, Passage passage) =>
        rule.Family == passage.Destination.AddressFamily
        && (rule.IncomingLink is null || rule.IncomingLink == (passage.In ?? "lo"))
        && (rule.Mark is null || rule.Mark == (passage.Mark & rule.MarkMask))
        && (rule.Source is not { } source || source.Contains(passage.Source.Address));
}
