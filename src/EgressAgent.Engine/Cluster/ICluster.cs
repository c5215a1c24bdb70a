using EgressAgent.Model;

namespace EgressAgent.Engine.Cluster;

/// <summary>The nodes that agree who holds a router, as one of them sees it. Thread-safe; events are raised on its own thread, and handlers return at once.</summary>
public interface ICluster
{
    /// <summary>Raised when another node, or none, holds a router, or this one does.</summary>
    event Action<RouterKey>? HoldingChanged;

    /// <summary>Raised when <see cref="Facts"/> have another problem, or none.</summary>
    event Action<ClusterFacts>? ProblemChanged;

    /// <summary>What the others call this node.</summary>
    string Node { get; }

    /// <summary>How this node stands to its cluster.</summary>
    ClusterFacts Facts { get; }

    /// <summary>For how long the routers that this node holds may speak from now on, while nothing renews it.</summary>
    TimeSpan Remaining { get; }

    /// <summary>Who holds a router.</summary>
    RouterHolding Find(RouterKey router);

    /// <summary>The other nodes that are there and do not hold a router, as far as is known.</summary>
    IEnumerable<string> StandbysOf(RouterKey router) => Find(router).Holder is var holder ? Facts.Members.Where(node => node != holder) : [];

    /// <summary>This node is to hold these routers if it falls to it, and no others: which it gives up at once.</summary>
    void Want(IReadOnlySet<RouterKey> routers);

    /// <summary>Whether a router's gateways answer this node: a holder to whom they do not gives way to a node to which they do.</summary>
    /// <param name="router">The router.</param>
    /// <param name="answers">Null when that is not known.</param>
    void NoteGateways(RouterKey router, bool? answers);

    /// <summary>Gives a router to another node, and leaves it to others for ten seconds.</summary>
    void Release(RouterKey router);
}
