using System.Net;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Relay;

/// <summary>A plan made ready for lookup. Immutable, so that loops read it without a lock.</summary>
internal sealed class RedirectionTable
{
    internal static readonly RedirectionTable Empty = new([], null);

    private readonly Dictionary<IngressKey, Redirection> _redirections = [];
    private readonly ClientNetwork[]? _clients;
    private readonly SocketEndpoint _source;
    private readonly SocketEndpoint _source6;
    private readonly HashSet<SocketEndpoint> _reserved = [];

    private RedirectionTable(ValueList<FamilyRedirect> families, ValueList<IPNetwork>? clients)
    {
        Clients = clients;
        _clients = clients?.Select(network => new ClientNetwork(network)).ToArray();
        foreach (FamilyRedirect family in families)
        {
            var source = new SocketEndpoint(family.Source, 0);
            (_source, _source6) = source.IsIPv6 ? (_source, source) : (source, _source6);
            _reserved.UnionWith(family.Reserved.Select(address => new SocketEndpoint(address, 0)));
        }
    }

    /// <summary>Who may use the router; null for everyone.</summary>
    internal ValueList<IPNetwork>? Clients { get; }

    /// <summary>What comes in where.</summary>
    internal IReadOnlyDictionary<IngressKey, Redirection> Redirections => _redirections;

    /// <summary>Compiles a plan. Redirections that <paramref name="previous"/> has already are taken over, with their counters.</summary>
    /// <param name="plan">The new plan.</param>
    /// <param name="previous">What is in force.</param>
    /// <param name="loops">How many loops count.</param>
    /// <param name="shortfalls">Takes the rules that cannot be served.</param>
    internal static RedirectionTable Compile(RedirectPlan plan, RedirectionTable previous, int loops, List<PlanProblem> shortfalls)
    {
        var table = new RedirectionTable(plan.Families, plan.Clients);
        foreach (RedirectRuleSpec rule in plan.Rules)
        {
            FamilyRedirect family = plan.Families.First(family => family.Family == rule.Destination.AddressFamily);
            if (rule.Protocol == TransportProtocol.SCTP && NativeSocket.ProbeSctp() is { IsSuccess: false } missing)
            {
                shortfalls.Add(RelayShortfalls.NoSctp(rule, missing));
            }
            else
            {
                table.Add(previous, loops, family, rule.Protocol, rule, rule.Port, new SocketEndpoint(rule.Destination, rule.TargetPort));
            }
        }

        foreach (FamilyRedirect family in plan.Families)
        {
            if (family.Fallback is { } fallback)
            {
                table.Add(previous, loops, family, TransportProtocol.TCP, null, 0, new SocketEndpoint(fallback, 0));
                table.Add(previous, loops, family, TransportProtocol.UDP, null, 0, new SocketEndpoint(fallback, 0));
            }
        }

        return table;
    }

    /// <summary>The redirection of a client that dialled <paramref name="local"/>; null when there is none.</summary>
    internal Redirection? Find(TransportProtocol protocol, in SocketEndpoint local) =>
        _redirections.TryGetValue(new IngressKey(protocol, local.IsIPv6, local.Port), out Redirection? redirection)
            || _redirections.TryGetValue(new IngressKey(protocol, local.IsIPv6, 0), out redirection)
            ? redirection
            : null;

    /// <summary>The address from which new flows of the destination's family leave, port 0.</summary>
    internal SocketEndpoint SourceFor(in SocketEndpoint destination) => destination.IsIPv6 ? _source6 : _source;

    /// <summary>
    /// The redirection by which a flow lives on: the plan would lead its client to the same destination, and its source is still one of
    /// the router's addresses. Null when the plan would not have made it.
    /// </summary>
    /// <param name="former">The redirection that it was made by.</param>
    /// <param name="client">Who began it.</param>
    /// <param name="dialledPort">At the inside address.</param>
    /// <param name="source">Whence it leaves, port 0.</param>
    internal Redirection? FindForLiving(Redirection former, in SocketEndpoint client, ushort dialledPort, in SocketEndpoint source)
    {
        RedirectionKey key = former.Key;
        return Find(key.Protocol, key.Inside.WithPort(dialledPort)) is { } redirection
            && redirection.Key.Inside == key.Inside
            && redirection.DestinationOf(dialledPort) == former.DestinationOf(dialledPort)
            && _reserved.Contains(source)
            && Admits(client)
            ? redirection
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
        RedirectionTable previous,
        int loops,
        FamilyRedirect family,
        TransportProtocol protocol,
        RedirectRuleSpec? rule,
        ushort port,
        SocketEndpoint destination)
    {
        var place = new IngressKey(protocol, destination.IsIPv6, port);
        var key = new RedirectionKey(protocol, rule, new SocketEndpoint(family.Inside, 0), destination);
        bool unchanged = previous._redirections.TryGetValue(place, out Redirection? redirection) && redirection.Key == key;
        _redirections[place] = unchanged ? redirection! : new Redirection(key, loops);
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
