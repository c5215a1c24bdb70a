using System.Globalization;
using System.Net;
using System.Net.Sockets;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Redirect;

/// <summary>
/// Cuts the flows that the plan in force would not have made. NAT is decided at a flow's first packet, so without this a flow
/// would outlive its rule. What a flow is judged by is all in its conntrack entry; no earlier plan needs to be known.
/// </summary>
internal sealed class FlowSweep
{
    private const string FlowCount = "net/netfilter/nf_conntrack_count";

    private readonly RedirectPlan _plan;
    private readonly Dictionary<(AddressFamily Family, byte Protocol, ushort? Port), IPEndPoint> _rules;
    private readonly Dictionary<(IPAddress Address, byte Protocol, ushort? Port), IPEndPoint> _external;

    private FlowSweep(RedirectPlan plan)
    {
        _plan = plan;
        _rules = plan.Rules.ToDictionary(
            rule => (rule.Destination.AddressFamily, rule.Protocol.Number(), (ushort?)rule.Port),
            rule => new IPEndPoint(rule.Destination, rule.TargetPort));
        _external = plan.ExternalPorts.ToDictionary(
            external => (external.Port.Address, external.Port.Protocol.Number(), (ushort?)external.Port.Port), external => external.Destination);
    }

    /// <summary>
    /// Whether a plan would not have made some flow that another one has made. A rule that is new takes nothing but what went to a fallback
    /// before.
    /// </summary>
    /// <param name="before">The plan that all flows follow, by whose rules alone they were made.</param>
    /// <param name="plan">The plan that they are to follow.</param>
    internal static bool IsDue(RedirectPlan before, RedirectPlan plan) =>
        before.Datapath != plan.Datapath
        || !before.Families.Equals(plan.Families)
        || (before.IsBehindService && !plan.IsBehindService)
        || (before.LocalProcesses != LocalProcesses.Deny && plan.LocalProcesses == LocalProcesses.Deny)
        || !(plan.Clients is null || before.Clients?.All(plan.Clients.Contains) == true)
        || !Has(plan.ExternalPorts, before.ExternalPorts)
        || (plan.Datapath == DatapathKind.Kernel && !(Has(plan.Rules, before.Rules)
            && (plan.Rules.Count == before.Rules.Count || plan.Families.All(family => family.Fallback is null))));

    /// <summary>Those that a plan would have made.</summary>
    internal static IEnumerable<ConntrackEntry> Select(RedirectPlan plan, IEnumerable<ConntrackEntry> flows) => flows.Where(new FlowSweep(plan).Permits);

    private static bool Has<T>(IReadOnlyCollection<T> all, IReadOnlyCollection<T> some) => all.ToHashSet().IsSupersetOf(some);

    /// <summary>Forgets those flows: their next packet, from either side, is rejected or begins a flow of the plan.</summary>
    /// <param name="plan">The plan in force.</param>
    /// <param name="netns">Whose flows.</param>
    /// <param name="end">
    /// Called before they are forgotten, so that a reset still reaches the client, and again afterwards, whatever happened, as a connection
    /// may be accepted meanwhile.
    /// </param>
    /// <returns>Whether there were any.</returns>
    /// <exception cref="LinuxException">The kernel refused; some may be left.</exception>
    internal static bool Run(RedirectPlan plan, NetworkNamespace netns, FlowsCut? end = null)
    {
        var sweep = new FlowSweep(plan);
        return Run(netns, sweep.Permits, end);
    }

    /// <inheritdoc cref="Run(RedirectPlan, NetworkNamespace, FlowsCut?)"/>
    /// <param name="netns">Whose flows.</param>
    /// <param name="permits">Which of them stay.</param>
    /// <param name="end">See there.</param>
    internal static bool Run(NetworkNamespace netns, Func<ConntrackEntry, bool> permits, FlowsCut? end = null)
    {
        // To list the flows of one netns, the kernel goes through those of all.
        if (Count(netns) == 0)
        {
            return false;
        }

        using ConntrackTable table = ConntrackTable.Open(netns);
        List<ConntrackEntry> found = [];
        bool hasCut = false;
        try
        {
            int kept = Cut();

            // A packet is counted when it comes, and its flow is listed once it has left. One that came before the rules were changed, and was
            // redirected by them, may still be under way. A kept one that ends between list and count hides it; but to wait for whatever is
            // under way wherever there are flows would double what an edit takes.
            if (Count(netns) > kept)
            {
                PacketsUnderWay.Wait();
                Cut();
            }
        }
        finally
        {
            if (found.Count > 0)
            {
                end?.Invoke(found, areForgotten: true);
            }
        }

        return hasCut;

        int Cut()
        {
            ILookup<bool, ConntrackEntry> flows = table.GetFlows().ToLookup(permits);
            if (flows.Contains(false))
            {
                found.AddRange(flows[false]);
                end?.Invoke([.. flows[false]], areForgotten: false);
            }

            foreach (ConntrackEntry flow in flows[false])
            {
                hasCut |= table.Remove(flow);
            }

            return flows[true].Count();
        }
    }

    private static int Count(NetworkNamespace netns) => int.Parse(Sysctl.Get(netns, FlowCount) ?? "0", CultureInfo.InvariantCulture);

    /// <summary>
    /// Whether the plan would have made the flow. What clients send is redirected by one datapath and taken by the other's
    /// sockets; connection tracking would keep a flow with the one that it began with. Other flows are nobody's here, those among
    /// them of protocols that the kernel itself refuses, which clients could make faster than they are cut.
    /// </summary>
    private bool Permits(ConntrackEntry flow)
    {
        bool isRedirected = flow.Status.HasFlag(ConntrackStatus.DestinationNat);
        return flow.Mark == PacketMarks.ByService && !_plan.IsBehindService ? false
            : isRedirected && IsExternalByPlan(flow) ? true
            : !isRedirected && IsOfDeniedProcess(flow) ? false
            : _plan.Datapath == DatapathKind.Relay ? !isRedirected
            : isRedirected ? IsRedirectedByPlan(flow)
            : TransportProtocols.OfNumber(flow.Original.Protocol) is null || !_plan.Families.Any(family => family.Inside.Equals(flow.Original.Destination));
    }

    // To the relay it goes with the client's own address.
    private bool IsExternalByPlan(ConntrackEntry flow) =>
        _external.TryGetValue((flow.Original.Destination, flow.Original.Protocol, flow.Original.DestinationPort), out IPEndPoint? destination)
            && flow.Reply.Source.Equals(destination.Address) && flow.Reply.SourcePort == destination.Port
            && IsOfClient(flow)
            && (_plan.Datapath == DatapathKind.Relay || _plan.Families.Any(family => family.Reserved.Contains(flow.Reply.Destination)));

    private bool IsRedirectedByPlan(ConntrackEntry flow) =>
        _plan.Families.FirstOrDefault(family => family.Inside.Equals(flow.Original.Destination)) is { } family
            && family.Reserved.Contains(flow.Reply.Destination)
            && IsOfClient(flow)
            && LeadsWhereItShould(flow, family);

    // With the relay, the flows of its own sockets look the same, and what is left of one that it has closed is in no book: there, a flow of a
    // process ends when it sends.
    private bool IsOfDeniedProcess(ConntrackEntry flow) => _plan is { LocalProcesses: LocalProcesses.Deny, Datapath: DatapathKind.Kernel }
        && _plan.Families.Any(family => family.Reserved.Contains(flow.Original.Source));

    private bool IsOfClient(ConntrackEntry flow) => _plan.Clients is null || _plan.Clients.Any(network => network.Contains(flow.Original.Source));

    private bool LeadsWhereItShould(ConntrackEntry flow, FamilyRedirect family) =>
        _rules.TryGetValue((family.Family, flow.Original.Protocol, flow.Original.DestinationPort), out IPEndPoint? destination)
            ? flow.Reply.Source.Equals(destination.Address) && flow.Reply.SourcePort == destination.Port
            : flow.Reply.Source.Equals(family.Fallback) && flow.Reply.SourcePort == flow.Original.DestinationPort;
}
