using EgressAgent.Engine.Redirect.Kernel;
using EgressAgent.Engine.Redirect.Relay;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Redirect;

/// <summary>
/// One router's redirect engine: it holds the plan that is in force and drives the datapath that the plan asks for. Not
/// thread-safe; the router's reconcile pass owns it.
/// </summary>
internal sealed class RedirectEngine
{
    private readonly KernelDatapath _kernel = new();
    private readonly RelayRedirect _relay;
    private IDatapath _current;

    /// <param name="key">The router.</param>
    /// <param name="relays">Where it runs if its plan asks for the relay.</param>
    internal RedirectEngine(RouterKey key, RelayHost relays)
    {
        _relay = new RelayRedirect(key, relays);
        _current = _kernel;
    }

    /// <summary>What the plan in force asks for and its datapath cannot do; the rest works.</summary>
    internal ValueList<PlanProblem> Shortcomings => _current.Shortcomings;

    /// <summary>
    /// The plan in force in the netns; null when there is none, when it was changed by somebody else, or when it was put there
    /// by an earlier run of the agent: then applying it again takes over what is there without disturbing a flow of the kernel
    /// datapath.
    /// </summary>
    internal RedirectPlan? Observe(NetworkNamespace netns) => _current.Observe(netns);

    /// <summary>Puts a plan in force. Where it asks for the other datapath than before, every flow is cut.</summary>
    /// <exception cref="Linux.LinuxException">
    /// The kernel refused; what was in force before still is, unless it was the other datapath: then everything is rejected.
    /// </exception>
    internal void Apply(RedirectPlan plan, NetworkNamespace netns)
    {
        IDatapath wanted = plan.Datapath == DatapathKind.Relay ? _relay : _kernel;
        if (wanted != _current)
        {
            // While its own filter still lets its resets out.
            _current.Stop();
            _current = wanted;
        }

        wanted.Apply(plan, netns);
    }

    /// <inheritdoc cref="IDatapath.Stop"/>
    internal void Stop() => _current.Stop();
}
