using System.Net.Sockets;
using static EgressAgent.Linux.Interop.Uapi.NfnetlinkH;

namespace EgressAgent.Linux.Nftables;

/// <summary>
/// Walks the ruleset of a namespace as a packet would, as far as its rules can be judged: a match on what is not known, or by an
/// expression that is not, may hold or not. What is read of the ruleset is read once: make one anew for each look. Not thread-safe.
/// </summary>
public sealed partial class NftWalk
{
    // Who has more rules than that on one way is not judged.
    private const int MostRules = 20_000;

    private readonly NftConnection _connection;
    private readonly List<NftChain> _chains;
    private readonly Dictionary<NftChain, List<byte[]>> _rules = [];
    private readonly Dictionary<(byte, string, string), (List<NftListedElement> Elements, bool AreIntervals)?> _sets = [];

    /// <exception cref="LinuxException">The kernel refused.</exception>
    public NftWalk(NftConnection connection)
    {
        _connection = connection;
        _chains = connection.GetChains();
    }

    /// <summary>The chain of that name in a table; null when there is none.</summary>
    public NftChain? Find(NftChain like, string name) => _chains.FirstOrDefault(chain => (chain.Family, chain.Table, chain.Name) == (like.Family, like.Table, name));

    /// <summary>The chains of the forward hook that drop or reject a packet, whatever is not known of it. None where its destination may be changed before.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public IReadOnlyList<NftChain> FindDrops(NftPacket packet)
    {
        NftChain[] forward = AtHook(NftHook.Forward, "filter", packet);
        if (forward.Length == 0)
        {
            return [];
        }

        PacketWalk before = new(this, packet, isStateKnown: true);
        NftOutcome changes = AtHook(NftHook.Prerouting, null, packet).Aggregate(NftOutcome.None, (all, chain) => all | before.Pass(chain));
        if ((changes & (NftOutcome.Alters | NftOutcome.Masquerades)) != 0)
        {
            return [];
        }

        PacketWalk walk = new(this, packet, isStateKnown: !before.MayUntrack);
        return [.. forward.Where(chain => walk.Pass(chain) == NftOutcome.Drops)];
    }

    /// <summary>The chain that masquerades a packet which begins a connection, whatever is not known of it; null where none does for sure.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public NftChain? FindMasquerade(NftPacket packet)
    {
        PacketWalk walk = new(this, packet, isStateKnown: true);
        foreach (NftChain chain in AtHook(NftHook.Postrouting, "nat", packet))
        {
            NftOutcome outcome = walk.Pass(chain);
            if (outcome == NftOutcome.Masquerades)
            {
                return chain;
            }

            if ((outcome & (NftOutcome.Alters | NftOutcome.Masquerades)) != 0)
            {
                return null;
            }
        }

        return null;
    }

    /// <summary>Whether a packet may get a mark before it is routed: one that is sent here, or one that comes in.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public bool MayBeMarked(NftPacket packet, bool isSentHere)
    {
        PacketWalk walk = new(this, packet, isStateKnown: true);
        foreach (NftChain chain in AtHook(isSentHere ? NftHook.Output : NftHook.Prerouting, null, packet))
        {
            walk.Pass(chain);
        }

        return walk.MayMark;
    }

    private NftChain[] AtHook(NftHook hook, string? type, NftPacket packet)
    {
        byte family = packet.Destination.AddressFamily == AddressFamily.InterNetwork ? NFPROTO_IPV4 : NFPROTO_IPV6;
        return [.. _chains.Where(chain => chain.Hook == hook && (type is null || chain.Type == type) && (chain.Family == family || chain.Family == NFPROTO_INET))
            .OrderBy(chain => chain.Priority)];
    }

    private List<byte[]> RulesOf(NftChain chain)
    {
        if (!_rules.TryGetValue(chain, out List<byte[]>? rules))
        {
            _rules.Add(chain, rules = _connection.GetRules(chain));
        }

        return rules;
    }

    private (List<NftListedElement> Elements, bool AreIntervals)? ElementsOf(NftChain user, string set)
    {
        (byte, string, string) key = (user.Family, user.Table, set);
        if (!_sets.TryGetValue(key, out (List<NftListedElement>, bool)? elements))
        {
            _sets.Add(key, elements = _connection.GetElements(user, set));
        }

        return elements;
    }

    // What may become of a packet: of a rule, of a chain.
    [Flags]
    private enum NftOutcome
    {
        None = 0,

        // The next rule decides.
        GoesOn = 1 << 0,

        // Who jumped to the chain decides.
        Returns = 1 << 1,
        Passes = 1 << 2,
        Drops = 1 << 3,
        Masquerades = 1 << 4,
        Alters = 1 << 5,

        // Of an expression: whether the next one is looked at.
        Anything = GoesOn | Returns | Passes | Drops,
    }
}
