using System.Net;
using EgressAgent.Model.Planning;

namespace EgressAgent.Testing.Tracing;

/// <summary>
/// A router's netns on paper: takes packets through the hooks of netfilter as the kernel does, with the ruleset and the routes that the
/// engine would write there, and remembers their flows. An accept ends one base chain; a drop is final; NAT is decided by a flow's first
/// packet.
/// </summary>
public sealed class PacketTracer(DesiredRouter router, TracedRuleset ruleset)
{
    // NF_IP_PRI_CONNTRACK; chains before it do not know a packet's flow.
    private const int ConntrackPriority = -200;

    /// <summary>What nf_reject answers; others have a checksum that it takes for wrong, and are dropped (nf_reject_verify_csum).</summary>
    internal static readonly string[] Rejectable =
        ["tcp", "udp", "udplite", "sctp", "dccp", "icmp", "icmpv6", "igmp", "47", "esp", "ah"];

    private readonly TracedRoutes _routes = new(router);
    private readonly FlowTable _flows = new();

    /// <summary>What becomes of a packet.</summary>
    public Outcome Send(Packet packet)
    {
        var passage = new Passage(packet, _routes);
        return !_routes.Serves(packet.Source.AddressFamily) ? Outcome.Dropped("as of a family that is off")
            : packet.In is null ? Emit(passage)
            : _flows.FindOffloaded(packet) ?? Receive(passage);
    }

    /// <summary>Connection tracking forgets everything, as when flows are cut or time out.</summary>
    public void ForgetFlows() => _flows.Clear();

    /// <summary>How many packets a named counter has counted.</summary>
    public int CountOf(string counter) => ruleset.Counters.GetValueOrDefault(counter);

    /// <summary>How many flows connection tracking remembers.</summary>
    public int FlowCount => _flows.Count;

    /// <summary>Takes an address away, or makes it one that is not there yet.</summary>
    public void RemoveAddress(IPAddress address) => _routes.Remove(address);

    private Outcome Receive(Passage passage)
    {
        if (Stop("prerouting", passage) is { } end)
        {
            return end;
        }

        // Once a netns has rules of its own, each packet is looked up a second time, unless it takes what has its own address.
        if (passage.IsIPv4 && passage.SourceType != "unicast" && !router.Sysctls.Contains(new SysctlEntry("net/ipv4/conf/all/accept_local", "1")))
        {
            return Outcome.Dropped("as a martian");
        }

        passage.Out = _routes.FindLink(passage, out RuleEntry? refusal);
        return passage.Out switch
        {
            null when refusal is { Action: RuleAction.Prohibit } => Answer(passage, "prohibited"),
            null when refusal is not null => Outcome.Dropped($"by rule {refusal.Priority}"),
            null => Answer(passage, "unreachable"),
            "lo" => Deliver(passage),
            _ when passage.Packet.IsTooBig => Answer(passage, "too-big"),
            _ => Stop("forward", passage) ?? Leave(passage),
        };
    }

    private Outcome Deliver(Passage passage)
    {
        passage.Out = null;
        if ((Stop("input", passage) ?? Confirm(passage)) is { } end)
        {
            return end;
        }

        Packet packet = passage.Packet;
        if (packet.Kind == "echo-request")
        {
            Packet echo = packet with { In = null, Kind = "echo-reply", Source = packet.Destination, Destination = packet.Source };
            return Answered("echo-reply", Emit(new Passage(echo, _routes) { Mark = passage.Mark }));
        }

        bool isKnown = packet.IsIcmp || packet.Protocol is "tcp" or "udp" or "sctp";
        return isKnown ? Local(passage) : Answer(passage, "protocol-unreachable");
    }

    // What the netns sends itself.
    private Outcome Emit(Passage passage)
    {
        passage.Out ??= _routes.FindLink(passage, out _);
        return passage.Out is null ? Outcome.Dropped("without a route") : Stop("output", passage) ?? Leave(passage);
    }

    private Outcome Leave(Passage passage) => Stop("postrouting", passage) ?? Confirm(passage)
        ?? (passage.Out == "lo" ? ReceiveOwn(passage) : new Outcome(Fate.Left, passage.Out, passage.Source, passage.Destination, null));

    // What comes in by the loopback interface has been seen by connection tracking, and NAT has been decided.
    private Outcome ReceiveOwn(Passage passage)
    {
        passage.In = "lo";
        passage.Out = null;
        return Stop("prerouting", passage) ?? Stop("input", passage) ?? Local(passage);
    }

    private static Outcome Local(Passage passage) => new(Fate.Local, null, passage.Source, passage.Destination, null);

    private Outcome? Confirm(Passage passage) =>
        _flows.Confirm(passage) ? null : Outcome.Dropped("as a clash of flows");

    // Null when the packet passes all chains of the hook.
    private Outcome? Stop(string hook, Passage passage)
    {
        foreach (TracedChain chain in ruleset.At(hook))
        {
            if (chain.Priority > ConntrackPriority)
            {
                _flows.Track(passage);
            }

            Verdict verdict = chain.IsNat
                ? _flows.Translate(passage, hook == "postrouting", () => ruleset.Evaluate(chain, passage))
                : ruleset.Evaluate(chain, passage);
            switch (verdict.Kind)
            {
                case VerdictKind.Drop:
                    return Outcome.Dropped($"by {chain.Name}");
                case VerdictKind.Reject:
                    return Rejectable.Contains(passage.Packet.Protocol)
                        ? Answer(passage, verdict.Argument!)
                        : Outcome.Dropped("as unverifiable");
            }
        }

        _flows.Track(passage);
        return null;
    }

    // The answer carries the mark of what it answers (fwmark_reflect) and belongs to the same flow, in the other direction
    // (nf_conntrack_attach). Nothing answers an error, a reset or what was not sent to one host.
    private Outcome Answer(Passage passage, string answer)
    {
        Packet packet = passage.Packet;
        bool isError = packet is { IsIcmp: true, IsEcho: false };
        if (isError || packet.Kind.Contains("rst") || TracedRoutes.IsMulticast(packet.Destination.Address))
        {
            return Outcome.Dropped("unanswered");
        }

        Packet reply = answer == "tcp-reset"
            ? packet with { In = null, Out = null, Kind = "rst", Maker = PacketMaker.Kernel, Source = passage.Destination, Destination = passage.Source }
            : packet with
            {
                In = null,
                Out = null,
                Protocol = passage.IsIPv4 ? "icmp" : "icmpv6",
                Kind = "destination-unreachable",
                Maker = PacketMaker.Kernel,
                Source = new IPEndPoint(passage.Destination.Address, 0),
                Destination = new IPEndPoint(passage.Source.Address, 0),
            };
        var emitted = new Passage(reply, _routes)
        {
            Mark = passage.Mark,
            IsTracked = true,
            Flow = passage.Flow,
            State = passage.Flow is null ? "invalid" : "related",
            IsReply = !passage.IsReply,
        };
        if (reply.IsIcmp && !emitted.IsSourceLocal)
        {
            if (packet.In is null && passage.IsSourceLocal)
            {
                emitted.Source = reply.Destination;
            }
            else if (_routes.AddressOf(_routes.FindLink(emitted, out _) ?? "lo", reply.Source.AddressFamily) is not { } source)
            {
                return Outcome.Dropped("unanswered");
            }
            else
            {
                emitted.Source = new IPEndPoint(source, 0);
            }
        }

        Outcome outcome = Emit(emitted);
        bool isOwn = packet.In is null && outcome.Fate == Fate.Local;
        return Answered(answer, isOwn ? outcome with { Fate = Fate.Left, Link = "lo" } : outcome);
    }

    private static Outcome Answered(string answer, Outcome outcome) =>
        outcome.Fate == Fate.Left ? outcome with { Fate = Fate.Answered, Reason = answer } : outcome;
}
