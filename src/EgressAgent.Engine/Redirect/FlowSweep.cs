using System.Net;
using System.Net.Sockets;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Redirect;

/// <summary>
/// Cuts the flows that the plan in force would not have made. NAT is decided at a flow's first packet, so without this a flow
/// would outlive its rule. What a flow is judged by is all in its conntrack entry; no earlier plan needs to be known.
/// </summary>
internal sealed class FlowSweep
{
    private const int Rounds = 2;
    private const string FlowCount = "net/netfilter/nf_conntrack_count";

    private readonly RedirectPlan _plan;
    private readonly Dictionary<(AddressFamily Family, byte Protocol, ushort? Port), IPEndPoint> _rules;

    private FlowSweep(RedirectPlan plan)
    {
        _plan = plan;
        _rules = plan.Rules.ToDictionary(
            rule => (rule.Destination.AddressFamily, ProtocolNumber(rule.Protocol), (ushort?)rule.Port),
            rule => new IPEndPoint(rule.Destination, rule.TargetPort));
    }

    /// <summary>Forgets those flows: their next packet, from either side, is rejected or begins a flow of the plan.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused; some may be left.</exception>
    internal static void Run(RedirectPlan plan, NetworkNamespace netns)
    {
        // To list the flows of one netns, the kernel goes through those of all.
        if (Sysctl.Get(netns, FlowCount) == "0")
        {
            return;
        }

        var sweep = new FlowSweep(plan);
        using ConntrackTable table = ConntrackTable.Open(netns);

        // A packet that was under way while the plan changed may enter its flow after the table was read: it is there at the second look.
        bool hasCut = true;
        for (int round = 0; hasCut && round < Rounds; round++)
        {
            hasCut = false;
            foreach (ConntrackEntry flow in table.GetFlows())
            {
                hasCut |= !sweep.Permits(flow) && table.Remove(flow);
            }
        }
    }

    /// <summary>
    /// Whether the plan would have made the flow. What clients send is redirected by one datapath and taken by the other's
    /// sockets; connection tracking would keep a flow with the one that it began with. Other flows are nobody's here, those among
    /// them of protocols that the kernel itself refuses, which clients could make faster than they are cut.
    /// </summary>
    private bool Permits(ConntrackEntry flow)
    {
        bool isRedirected = flow.Status.HasFlag(ConntrackStatus.DestinationNat);
        return _plan.Datapath == DatapathKind.Relay ? !isRedirected
            : isRedirected ? IsRedirectedByPlan(flow)
            : !IsOfSockets(flow.Original.Protocol) || !_plan.Families.Any(family => family.Inside.Equals(flow.Original.Destination));
    }

    private bool IsRedirectedByPlan(ConntrackEntry flow) =>
        _plan.Families.FirstOrDefault(family => family.Inside.Equals(flow.Original.Destination)) is { } family
            && family.Reserved.Contains(flow.Reply.Destination)
            && (_plan.Clients is null || _plan.Clients.Any(network => network.Contains(flow.Original.Source)))
            && LeadsWhereItShould(flow, family);

    private bool LeadsWhereItShould(ConntrackEntry flow, FamilyRedirect family) =>
        _rules.TryGetValue((family.Family, flow.Original.Protocol, flow.Original.DestinationPort), out IPEndPoint? destination)
            ? flow.Reply.Source.Equals(destination.Address) && flow.Reply.SourcePort == destination.Port
            : flow.Reply.Source.Equals(family.Fallback) && flow.Reply.SourcePort == flow.Original.DestinationPort;

    private static bool IsOfSockets(byte protocol) => Enum.GetValues<TransportProtocol>().Any(known => ProtocolNumber(known) == protocol);

    private static byte ProtocolNumber(TransportProtocol protocol) => protocol switch
    {
        TransportProtocol.TCP => 6,
        TransportProtocol.UDP => 17,
        TransportProtocol.SCTP => 132,
        _ => throw new ArgumentOutOfRangeException(nameof(protocol), protocol, null),
    };
}
