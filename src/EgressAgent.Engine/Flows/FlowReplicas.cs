using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Model;

namespace EgressAgent.Engine.Flows;

/// <summary>What a standby knows of the flows through routers that other nodes hold, until it takes them over. Thread-safe.</summary>
internal sealed class FlowReplicas
{
    /// <summary>Of flows, of all routers: some 300 bytes each. What comes beyond is not kept.</summary>
    internal const int MaxFlows = 1 << 18;

    private readonly Lock _lock = new();
    private readonly Dictionary<RouterKey, Replica> _routers = [];
    private int _count;

    /// <summary>Takes in what a holder has sent. What comes late, of one that is the holder no more, is nothing.</summary>
    internal void Note(FlowBatch batch)
    {
        lock (_lock)
        {
            Replica replica = _routers.GetValueOrDefault(batch.Router) ?? (_routers[batch.Router] = new Replica());
            if (batch.Token < replica.Token || (replica.IsTaken && batch.Token == replica.Token))
            {
                return;
            }

            if (batch.Token > replica.Token || batch.IsWhole)
            {
                Clear(replica);
                (replica.Token, replica.IsTaken) = (batch.Token, false);
            }

            foreach ((ConntrackEntry flow, bool isOver) in batch.Updates)
            {
                Note(replica, flow, isOver);
            }
        }
    }

    /// <summary>Those of a router, which this node holds from now on. They are given once.</summary>
    internal IReadOnlyList<ConntrackEntry> Take(RouterKey router)
    {
        lock (_lock)
        {
            if (_routers.GetValueOrDefault(router) is not { IsTaken: false } replica)
            {
                return [];
            }

            ConntrackEntry[] flows = [.. replica.Flows.Values];
            Clear(replica);
            replica.IsTaken = true;
            return flows;
        }
    }

    private void Note(Replica replica, ConntrackEntry flow, bool isOver)
    {
        bool isKnown = replica.Flows.TryGetValue(flow.Original, out ConntrackEntry? known);
        if (!isOver)
        {
            if (isKnown || _count < MaxFlows)
            {
                replica.Flows[flow.Original] = flow;
                _count += isKnown ? 0 : 1;
            }
        }
        else if (known?.Id == flow.Id)
        {
            replica.Flows.Remove(flow.Original);
            _count--;
        }
    }

    private void Clear(Replica replica)
    {
        _count -= replica.Flows.Count;
        replica.Flows.Clear();
        replica.Flows.TrimExcess();
    }

    private sealed class Replica
    {
        internal long Token { get; set; }

        /// <summary>Whether this node took the router over from the holder with that token.</summary>
        internal bool IsTaken { get; set; }

        internal Dictionary<ConntrackTuple, ConntrackEntry> Flows { get; } = [];
    }
}
