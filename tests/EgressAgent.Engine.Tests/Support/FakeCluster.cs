using System.Collections.Concurrent;
using EgressAgent.Engine.Cluster;
using EgressAgent.Model;

namespace EgressAgent.Engine.Tests.Support;

/// <summary>A cluster whose other nodes are the test: they leave routers to this one, or take them.</summary>
internal sealed class FakeCluster : ICluster
{
    private readonly ConcurrentDictionary<RouterKey, RouterHolding> _holdings = [];

    public event Action<RouterKey>? HoldingChanged;

    public event Action<ClusterFacts>? ProblemChanged;

    public string Node => "here";

    public ClusterFacts Facts { get; private set; } = ClusterFacts.Nothing;

    public TimeSpan Remaining { get; set; } = TimeSpan.FromMilliseconds(300);

    /// <summary>What this node could hold, as it said last.</summary>
    internal IReadOnlySet<RouterKey> Wanted { get; private set; } = new HashSet<RouterKey>();

    public RouterHolding Find(RouterKey router) => _holdings.GetValueOrDefault(router) ?? new RouterHolding(false, null, 0);

    public void Want(IReadOnlySet<RouterKey> routers) => Wanted = routers;

    /// <summary>Whether the gateways of a router answer this node, as it said last.</summary>
    internal ConcurrentDictionary<RouterKey, bool?> Answers { get; } = [];

    public void NoteGateways(RouterKey router, bool? answers) => Answers[router] = answers;

    public void Release(RouterKey router) => Give(router, null);

    /// <summary>Has a node hold a router, or none.</summary>
    internal void Give(RouterKey router, string? node)
    {
        _holdings[router] = new RouterHolding(node == Node, node, 1);
        HoldingChanged?.Invoke(router);
    }

    internal void Fail(string? problem = null, string? unwritten = null)
    {
        Facts = Facts with { Problem = problem, Unwritten = unwritten };
        ProblemChanged?.Invoke(Facts);
    }
}
