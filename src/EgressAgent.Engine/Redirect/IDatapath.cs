using EgressAgent.Linux.Namespaces;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;

namespace EgressAgent.Engine.Redirect;

/// <summary>
/// Moves a router's packets according to a plan. Both kinds behave alike: what a rule takes leaves with the reserved address,
/// what none takes is rejected, and an edit disturbs only the flows that it names.
/// </summary>
internal interface IDatapath
{
    /// <summary>What the plan in force asks for and this datapath cannot do; the rest works.</summary>
    ValueList<PlanProblem> Shortcomings { get; }

    /// <summary>The plan in force; null when there is none, or somebody else has changed it, or it is not known any more.</summary>
    RedirectPlan? Observe(NetworkNamespace netns);

    /// <summary>Puts a plan in force, all of it or nothing.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused; what was in force before still is.</exception>
    void Apply(RedirectPlan plan, NetworkNamespace netns);

    /// <summary>
    /// Ends what the datapath does in the agent's process: another one takes over, or the router goes. What it has in the
    /// kernel stays.
    /// </summary>
    void Stop();
}
