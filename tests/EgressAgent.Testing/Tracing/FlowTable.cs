using System.Net;

namespace EgressAgent.Testing.Tracing;

/// <summary>Connection tracking and NAT (nf_conntrack_core.c, nf_nat_core.c), without time: flows stay until they are cleared.</summary>
internal sealed class FlowTable
{
    /// <summary>Neighbour discovery and multicast listener discovery (nf_conntrack_proto_icmpv6.c).</summary>
    internal static readonly string[] UntrackedKinds =
    [
        "nd-router-solicit", "nd-router-advert", "nd-neighbor-solicit", "nd-neighbor-advert",
        "mld-listener-query", "mld-listener-report", "mld-listener-done", "mld2-listener-report",
    ];

    private readonly List<TracedFlow> _flows = [];

    internal int Count => _flows.Count;

    internal void Clear() => _flows.Clear();

    /// <summary>Finds the packet's flow, or begins one. The flow is remembered only when its first packet gets through.</summary>
    internal void Track(Passage passage)
    {
        Packet packet = passage.Packet;
        if (passage.IsTracked)
        {
            return;
        }

        passage.IsTracked = true;
        if (UntrackedKinds.Contains(packet.Kind))
        {
            passage.State = "untracked";
        }
        else if (packet.About is { } about)
        {
            TrackError(passage, about.Tuple.Inverse);
        }
        else if (Find(packet.Tuple) is { } flow)
        {
            passage.Flow = flow;
            passage.IsReply = flow.Original != packet.Tuple;
            flow.HasReply |= passage.IsReply;
            passage.State = flow.HasReply ? "established" : "new";
        }
        else if (CanBegin(packet))
        {
            passage.Flow = new TracedFlow(packet.Tuple);
            passage.State = "new";
        }
    }

    /// <summary>Where a packet goes that bypasses the chains; null when its flow is not offloaded, and for the end of a connection.</summary>
    internal Outcome? FindOffloaded(Packet packet)
    {
        if (packet.About is not null || packet.Kind.Contains("fin") || packet.Kind.Contains("rst") || Find(packet.Tuple) is not { OffloadedTo: { } links } flow)
        {
            return null;
        }

        bool isReply = flow.Original != packet.Tuple;
        FlowTuple translated = flow.Translated(isReply);
        return new Outcome(Fate.Left, isReply ? links.Reply : links.Original, translated.Source, translated.Destination, "offloaded");
    }

    /// <summary>NAT at one hook: a flow's first packet asks the chain, every packet is translated as was decided then.</summary>
    internal Verdict Translate(Passage passage, bool isSource, Func<Verdict> chain)
    {
        if (passage.Flow is not { } flow)
        {
            return new Verdict(VerdictKind.Accept);
        }

        bool isError = passage is { State: "related", Packet.IsIcmp: true };
        if (passage.State is "new" or "related" && !isError && !flow.IsDecided(isSource) && !_flows.Contains(flow))
        {
            Verdict verdict = chain();
            if (verdict.Kind != VerdictKind.Accept)
            {
                return verdict;
            }

            flow.Decide(isSource);
            while (isSource && flow.Reply.Destination.Port != 0 && IsTaken(flow.Reply))
            {
                IPEndPoint taken = flow.Reply.Destination;
                flow.Reply = flow.Reply with { Destination = new IPEndPoint(taken.Address, (taken.Port % 65535) + 1) };
            }
        }

        if (isSource != passage.IsReply ? flow.HasSourceNat : flow.HasDestinationNat)
        {
            FlowTuple translated = flow.Translated(passage.IsReply);
            if (isSource)
            {
                passage.Source = isError ? new IPEndPoint(translated.Source.Address, 0) : translated.Source;
            }
            else
            {
                passage.Destination = isError ? new IPEndPoint(translated.Destination.Address, 0) : translated.Destination;
            }
        }

        return new Verdict(VerdictKind.Accept);
    }

    /// <summary>Remembers a flow whose first packet got through; false when answers could not be told from another flow's.</summary>
    internal bool Confirm(Passage passage)
    {
        if (passage is not { State: "new", Flow: { } flow } || _flows.Contains(flow))
        {
            return true;
        }

        bool isFree = !IsTaken(flow.Reply) && !IsTaken(flow.Original);
        if (isFree)
        {
            _flows.Add(flow);
        }

        return isFree;
    }

    // The error quotes a packet that one side sent, so it belongs to the flow that an answer to that packet belongs to. It has to be
    // addressed to the sender of that packet.
    private void TrackError(Passage passage, FlowTuple answer)
    {
        if (Find(answer) is { } flow && passage.Destination.Address.Equals(answer.Destination.Address))
        {
            passage.Flow = flow;
            passage.IsReply = flow.Original != answer;
            passage.State = "related";
        }
    }

    private TracedFlow? Find(FlowTuple tuple) => _flows.Find(flow => flow.Original == tuple || flow.Reply == tuple);

    private bool IsTaken(FlowTuple tuple) => Find(tuple) is not null;

    // With nf_conntrack_tcp_loose an ACK begins a flow too; an answer to a SYN, a FIN and a RST do not.
    private static bool CanBegin(Packet packet) => packet.Protocol switch
    {
        "tcp" => packet.Kind is "syn" or "ack" or "psh,ack",
        "icmp" or "icmpv6" => packet.Kind == "echo-request",
        "sctp" => packet.Kind == "init",
        _ => true,
    };
}
