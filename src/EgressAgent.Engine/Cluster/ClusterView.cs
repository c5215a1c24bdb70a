using System.Diagnostics.CodeAnalysis;
using EgressAgent.Engine.Cluster.Etcd;
using EgressAgent.Model;

namespace EgressAgent.Engine.Cluster;

/// <summary>What etcd holds of a cluster, as of one revision.</summary>
internal sealed class ClusterView(ClusterKeys keys)
{
    private readonly Dictionary<string, Member> _nodes = [];
    private readonly Dictionary<string, LiveNode> _alive = [];
    private readonly Dictionary<RouterKey, HeldClaim> _claims = [];
    private readonly Dictionary<RouterKey, LastTurn> _turns = [];
    private readonly Dictionary<string, string> _seen = [];
    private readonly Dictionary<string, string> _asks = [];
    private readonly Dictionary<string, string[]> _answers = [];

    /// <summary>The members, also those that are not there now.</summary>
    internal IReadOnlyDictionary<string, Member> Nodes => _nodes;

    /// <summary>Those whose lease is there.</summary>
    internal IReadOnlyDictionary<string, LiveNode> Alive => _alive;

    internal IReadOnlyDictionary<RouterKey, HeldClaim> Claims => _claims;

    /// <summary>Who held a router last, also while it is held.</summary>
    internal IReadOnlyDictionary<RouterKey, LastTurn> Turns => _turns;

    /// <summary>Nodes that somebody asks whether they are there.</summary>
    internal IReadOnlyCollection<string> Asked => _asks.Keys;

    /// <summary>The last at which something of this was written.</summary>
    internal long Revision { get; private set; }

    /// <summary>What heartbeats are signed with; null where nobody has made it.</summary>
    internal string? HeartbeatKey { get; private set; }

    internal bool IsAsk(string key, [NotNullWhen(true)] out string? node) => keys.IsAsk(key, out node);

    internal bool IsYield(string key, out RouterKey router) => keys.IsYield(key, out router);

    /// <summary>Up to which revision a node knows the members.</summary>
    internal long SeenBy(string node) => long.TryParse(_seen.GetValueOrDefault(node), out long revision) ? revision : 0;

    /// <summary>Whether a router's gateways answer a node that is there, as that node says.</summary>
    internal bool IsAnswered(string node, RouterKey router) => _alive.ContainsKey(node) && _answers.GetValueOrDefault(node)?.Contains($"{router}") == true;

    internal void Clear()
    {
        _answers.Clear();
        _seen.Clear();
        _asks.Clear();
        _nodes.Clear();
        _alive.Clear();
        _claims.Clear();
        _turns.Clear();
    }

    internal void Apply(EtcdEntry entry)
    {
        Revision = Math.Max(Revision, entry.Modified);
        if (keys.IsNode(entry.Key, out string? node))
        {
            Set(_nodes, node, entry.IsDeleted ? null : new Member(ClusterJson.Node(entry.Value) ?? new NodeRecord("", 0), entry.Created));
        }
        else if (keys.IsAlive(entry.Key, out string? alive))
        {
            Set(_alive, alive, !entry.IsDeleted && ClusterJson.Node(entry.Value) is { } record ? new LiveNode(record, entry.Lease) : null);
        }
        else if (keys.IsSeen(entry.Key, out string? seer))
        {
            Set(_seen, seer, entry.IsDeleted ? null : entry.Value);
        }
        else if (keys.IsAsk(entry.Key, out string? asked))
        {
            Set(_asks, asked, entry.IsDeleted ? null : entry.Value);
        }
        else if (keys.IsAnswers(entry.Key, out string? answered))
        {
            Set(_answers, answered, entry.IsDeleted ? null : entry.Value.Split(' '));
        }
        else if (entry.Key == keys.HeartbeatKey)
        {
            HeartbeatKey = entry.IsDeleted ? null : entry.Value;
        }
        else if (keys.IsClaim(entry.Key, out RouterKey claimed))
        {
            // What cannot be read is a claim all the same.
            ClaimRecord claim = ClusterJson.Claim(entry.Value) ?? new ClaimRecord("?", "", 0);
            Set(_claims, claimed, entry.IsDeleted ? null : new HeldClaim(claim, entry.Created, entry.Modified, entry.Lease));
        }
        else if (keys.IsTurn(entry.Key, out RouterKey turn))
        {
            Set(_turns, turn, entry.IsDeleted ? null : new LastTurn(ClusterJson.Turn(entry.Value) ?? new TurnRecord("?", IsOver: false), entry.Modified));
        }
    }

    private static void Set<TKey, TValue>(Dictionary<TKey, TValue> all, TKey key, TValue? value)
        where TKey : notnull
        where TValue : class
    {
        if (value is null)
        {
            all.Remove(key);
        }
        else
        {
            all[key] = value;
        }
    }
}

/// <summary>A member.</summary>
/// <param name="Record">What is known of it.</param>
/// <param name="Created">The revision at which it became one; it stays when its agent starts again.</param>
internal sealed record Member(NodeRecord Record, long Created);

/// <summary>A member whose lease is there.</summary>
internal sealed record LiveNode(NodeRecord Record, long Lease);

/// <summary>A claim that is there.</summary>
/// <param name="By">Whose it is.</param>
/// <param name="Created">The fencing token: the revision at which it was made.</param>
/// <param name="Modified">The revision at which it was last written: its holder takes it over from an earlier agent of its own.</param>
/// <param name="Lease">With which it goes.</param>
internal sealed record HeldClaim(ClaimRecord By, long Created, long Modified, long Lease);

/// <summary>Who held a router last, and at which revision that was written.</summary>
internal sealed record LastTurn(TurnRecord Record, long Modified);
