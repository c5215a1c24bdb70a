using EgressAgent.Engine.Relay;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Redirect;

/// <summary>
/// One router's redirect engine: it puts plans in force. The kernel datapath is the table of nf_tables alone; the relay is sockets
/// in the agent's process behind a table without NAT, which lets clients reach them and nothing else leave. Both behave alike:
/// what a rule takes leaves with the reserved address, what none takes is rejected, and an edit disturbs only the flows that it
/// names. Not thread-safe; the router's reconcile pass owns it.
/// </summary>
/// <param name="key">The router.</param>
/// <param name="relays">Where its relay runs if its plan asks for one.</param>
/// <param name="notes">What agents leave to the next one of their tables; null for nothing.</param>
internal sealed class RedirectEngine(RouterKey key, RelayHost relays, RulesetNotes? notes = null)
{
    private readonly RulesetTable _table = new(notes);

    // The relay plan in force; null with the kernel datapath.
    private RedirectPlan? _relayed;

    /// <summary>What the plan in force asks for and its datapath does not do; the rest works.</summary>
    internal ValueList<PlanProblem> Shortcomings =>
        [.. relays.FindShortfalls(key), .. relays.FindSaturation(key).Select(saturation => new PlanProblem(PlanReasons.LimitReached, saturation))];

    /// <summary>
    /// The plan in force in the netns; null when there is none, when it was changed by somebody else, or when it was put there
    /// by an earlier run of the agent: then applying it again takes over what is there without disturbing a flow of the kernel
    /// datapath.
    /// </summary>
    internal RedirectPlan? Observe(NetworkNamespace netns)
    {
        RedirectPlan? plan = _table.Observe(netns);
        return plan?.Datapath != DatapathKind.Relay || (plan == _relayed && relays.IsRunning(key, netns)) ? plan : null;
    }

    /// <summary>
    /// Puts a plan in force, all of it or nothing. Where it asks for the other datapath than before, every flow is cut.
    /// </summary>
    /// <exception cref="LinuxException">
    /// The kernel refused; what was in force before still is, unless it was the other datapath: then everything is rejected.
    /// </exception>
    internal void Apply(RedirectPlan plan, NetworkNamespace netns)
    {
        if (plan.Datapath != DatapathKind.Relay)
        {
            // While its own table still lets its resets out.
            Stop();
        }

        if (plan.LocalProcesses == LocalProcesses.Deny)
        {
            relays.MarkSockets(key);
        }

        // The table comes first: it takes the place of one that redirects, and what it admits before there is a socket is rejected.
        bool hasCut = _table.Apply(plan, netns, (flows, areForgotten) => relays.Cut(key, flows, areForgotten));
        if (plan.Datapath == DatapathKind.Relay)
        {
            RouterRelay relay = relays.Start(key, netns);
            hasCut |= _relayed is null;
            _relayed = null;
            hasCut |= relay.Apply(plan);
            _relayed = plan;
        }

        // A flow's packets wait, translated already, for as long as the kernel asks for the MAC of their next hop.
        if (hasCut)
        {
            using RouteNetlink route = RouteNetlink.Open(netns);
            route.DropUnresolvedNeighbours();
        }
    }

    /// <summary>The links whose established flows bypass the chains; null where the plan that was observed last does not ask for it.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal static ValueList<string>? FindOffloadedLinks(RedirectPlan? plan, NetworkNamespace netns) =>
        plan?.OffloadsFlows == true ? RulesetTable.FindOffloadedLinks(netns)?.ToValueList() : null;

    /// <inheritdoc cref="RulesetTable.Offload"/>
    internal void Offload(string link, NetworkNamespace netns) => _table.Offload(key, link, netns);

    /// <summary>
    /// Takes over those flows of another node that the plan in force would have made too; with the kernel datapath alone. One that the
    /// kernel refuses, as its table is full, keeps neither the others nor the router from working.
    /// </summary>
    /// <returns>How many, and the last refusal; null when there was none.</returns>
    /// <exception cref="LinuxException">The kernel does not tell what is in force, or no descriptor is left.</exception>
    internal (int Count, LinuxException? Refusal) Restore(IReadOnlyList<ConntrackEntry> flows, NetworkNamespace netns)
    {
        if (_table.Observe(netns) is not { Datapath: DatapathKind.Kernel } plan)
        {
            return (0, null);
        }

        int count = 0;
        LinuxException? last = null;
        using ConntrackTable table = ConntrackTable.Open(netns);
        foreach (ConntrackEntry flow in FlowSweep.Select(plan, flows))
        {
            try
            {
                // What this node had when it held the router before knows nothing of what went through the other one since.
                bool isRestored = table.Restore(flow) || (table.Find(flow.Original) is { } stale && table.Remove(stale) && table.Restore(flow));
                count += isRestored ? 1 : 0;
            }
            catch (LinuxException refusal)
            {
                last = refusal;
            }
        }

        return (count, last);
    }

    /// <summary>Ends every flow. The next packet of one is rejected.</summary>
    /// <exception cref="LinuxException">The kernel refused; some may be left.</exception>
    internal void CutFlows(NetworkNamespace netns)
    {
        relays.CutAll(key);
        using ConntrackTable flows = ConntrackTable.Open(netns);
        flows.Flush();
    }

    /// <summary>Ends what runs in the agent's process; the table goes with its netns.</summary>
    internal void Remove()
    {
        Stop();
        _table.Forget(key);
    }

    /// <summary>Ends what runs in the agent's process; the table stays in the kernel.</summary>
    internal void Stop()
    {
        relays.Stop(key);
        _relayed = null;
    }
}
