using EgressAgent.Engine.Redirect.Kernel;
using EgressAgent.Engine.Relay;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;

namespace EgressAgent.Engine.Redirect.Relay;

/// <summary>
/// The datapath in the agent's process: the relay's sockets in the router's netns, behind a ruleset without NAT that lets
/// clients reach them and nothing else leave. When the agent ends the ruleset stays, and clients are rejected.
/// </summary>
internal sealed class RelayRedirect(RouterKey key, RelayHost host) : IDatapath
{
    private readonly KernelDatapath _filter = new();
    private RedirectPlan? _inForce;

    private ValueList<PlanProblem> _shortfalls = [];

    public ValueList<PlanProblem> Shortcomings => host.FindSaturation(key) is { } saturation
        ? [.. _shortfalls, new PlanProblem(PlanReasons.LimitReached, saturation)]
        : _shortfalls;

    public RedirectPlan? Observe(NetworkNamespace netns) => host.IsRunning(key, netns) && _filter.Observe(netns) == _inForce ? _inForce : null;

    // The filter comes first: it takes the place of a ruleset that redirects, and what it admits before there is a socket is
    // rejected.
    public void Apply(RedirectPlan plan, NetworkNamespace netns)
    {
        _filter.Apply(plan, netns);
        _inForce = null;
        ValueList<RelayShortfall> shortfalls = host.Start(key, netns).Apply(ToRelayPlan(plan));
        _shortfalls = shortfalls.Select(ToProblem).ToValueList();
        _inForce = plan;
    }

    public void Stop()
    {
        host.Stop(key);
        _inForce = null;
        _shortfalls = [];
    }

    // The sockets are bound to no interface, as the one that clients come in by is made after them and may be made anew; the
    // filter admits no other.
    private static RelayPlan ToRelayPlan(RedirectPlan plan) => new()
    {
        Families = plan.Families
            .Select(family => new RelayFamily(family.Inside, family.Source, family.Fallback) { Reserved = family.Reserved })
            .ToValueList(),
        Rules = plan.Rules,
        Clients = plan.Clients,
    };

    private static PlanProblem ToProblem(RelayShortfall shortfall) => new(
        PlanReasons.NotSupportedByDatapath,
        shortfall.Rule is { } rule ? $"{rule.Port}/{rule.Protocol} is not served: {shortfall.Reason}" : shortfall.Reason);
}
