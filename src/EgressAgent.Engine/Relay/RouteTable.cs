using System.Net;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Relay;

/// <summary>A plan made ready for lookup. Immutable, so that loops read it without a lock.</summary>
internal sealed class RouteTable
{
    internal static readonly RouteTable Empty = new(new RelayPlan { Families = [] });

    private readonly Dictionary<IngressKey, Route> _routes = [];
    private readonly ClientNetwork[]? _clients;
    private readonly SocketEndpoint _source;
    private readonly SocketEndpoint _source6;
    private readonly HashSet<SocketEndpoint> _reserved = [];

    private RouteTable(RelayPlan plan)
    {
        Plan = plan;
        _clients = plan.Clients?.Select(network => new ClientNetwork(network)).ToArray();
        foreach (RelayFamily family in plan.Families)
        {
            var source = new SocketEndpoint(family.Source, 0);
            (_source, _source6) = source.IsIPv6 ? (_source, source) : (source, _source6);
            _reserved.UnionWith(family.Reserved.Select(address => new SocketEndpoint(address, 0)));
        }
    }

    internal RelayPlan Plan { get; }

    /// <summary>What comes in where.</summary>
    internal IReadOnlyDictionary<IngressKey, Route> Routes => _routes;

    /// <summary>Compiles a plan. Routes that <paramref name="previous"/> has already are taken over, with their counters.</summary>
    /// <param name="plan">The new plan.</param>
    /// <param name="previous">What is in force.</param>
    /// <param name="loops">How many loops count.</param>
    /// <param name="shortfalls">Takes the rules that cannot be served.</param>
    internal static RouteTable Compile(RelayPlan plan, RouteTable previous, int loops, List<RelayShortfall> shortfalls)
    {
        var table = new RouteTable(plan);
        foreach (RedirectRuleSpec rule in plan.Rules)
        {
            RelayFamily? family = plan.Families.FirstOrDefault(family => family.Inside.AddressFamily == rule.Destination.AddressFamily);
            if (family is null)
            {
                shortfalls.Add(new RelayShortfall(rule, $"the router has no address of the family of {rule.Destination}"));
            }
            else if (rule.Protocol == TransportProtocol.SCTP && NativeSocket.ProbeSctp() is { IsSuccess: false } missing)
            {
                shortfalls.Add(new RelayShortfall(rule, $"the kernel has no SCTP sockets ({missing.Message}): `modprobe sctp`, or use the kernel datapath, which needs none"));
            }
            else
            {
                table.Add(previous, loops, family, rule.Protocol, rule, rule.Port, new SocketEndpoint(rule.Destination, rule.TargetPort));
            }
        }

        foreach (RelayFamily family in plan.Families)
        {
            if (family.Fallback is { } fallback)
            {
                table.Add(previous, loops, family, TransportProtocol.TCP, null, 0, new SocketEndpoint(fallback, 0));
                table.Add(previous, loops, family, TransportProtocol.UDP, null, 0, new SocketEndpoint(fallback, 0));
            }
        }

        return table;
    }

    /// <summary>The route of a client that dialled <paramref name="local"/>; null when there is none.</summary>
    internal Route? Find(TransportProtocol protocol, in SocketEndpoint local) =>
        _routes.TryGetValue(new IngressKey(protocol, local.IsIPv6, local.Port), out Route? route)
            || _routes.TryGetValue(new IngressKey(protocol, local.IsIPv6, 0), out route)
            ? route
            : null;

    /// <summary>The address from which new flows of the destination's family leave, port 0.</summary>
    internal SocketEndpoint SourceFor(in SocketEndpoint destination) => destination.IsIPv6 ? _source6 : _source;

    /// <summary>
    /// The route by which a flow lives on: the plan would lead its client to the same destination, and its source is still one of
    /// the router's addresses. Null when the plan would not have made it.
    /// </summary>
    /// <param name="former">The route that it was made by.</param>
    /// <param name="client">Who began it.</param>
    /// <param name="dialledPort">At the inside address.</param>
    /// <param name="source">Whence it leaves, port 0.</param>
    internal Route? RouteOfLiving(Route former, in SocketEndpoint client, ushort dialledPort, in SocketEndpoint source)
    {
        RouteKey key = former.Key;
        return Find(key.Protocol, key.Inside.WithPort(dialledPort)) is { } route
            && route.Key.Inside == key.Inside
            && route.DestinationOf(dialledPort) == former.DestinationOf(dialledPort)
            && _reserved.Contains(source)
            && Admits(client)
            ? route
            : null;
    }

    internal bool Admits(in SocketEndpoint client)
    {
        if (_clients is null)
        {
            return true;
        }

        Span<byte> address = stackalloc byte[16];
        client.WriteMappedAddress(address);
        foreach (ClientNetwork network in _clients)
        {
            if (network.Contains(address))
            {
                return true;
            }
        }

        return false;
    }

    private void Add(
        RouteTable previous,
        int loops,
        RelayFamily family,
        TransportProtocol protocol,
        RedirectRuleSpec? rule,
        ushort port,
        SocketEndpoint destination)
    {
        var place = new IngressKey(protocol, destination.IsIPv6, port);
        var key = new RouteKey(protocol, rule, new SocketEndpoint(family.Inside, 0), destination);
        bool unchanged = previous._routes.TryGetValue(place, out Route? route) && route.Key == key;
        _routes[place] = unchanged ? route! : new Route(key, loops);
    }

    private readonly struct ClientNetwork
    {
        private readonly byte[] _prefix;
        private readonly int _bits;

        internal ClientNetwork(IPNetwork network)
        {
            _prefix = new byte[16];
            var address = new SocketEndpoint(network.BaseAddress, 0);
            address.WriteMappedAddress(_prefix);
            _bits = network.PrefixLength + (address.IsIPv4 ? 96 : 0);
        }

        internal bool Contains(ReadOnlySpan<byte> address)
        {
            int whole = _bits / 8;
            int rest = _bits % 8;
            return address[..whole].SequenceEqual(_prefix.AsSpan(0, whole))
                && (rest == 0 || (address[whole] ^ _prefix[whole]) >> (8 - rest) == 0);
        }
    }
}
