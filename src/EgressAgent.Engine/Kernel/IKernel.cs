using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// The kernel, as the reconciler sees it. There are two: the real one, and a stateful fake for tests; one suite of tests holds
/// both to the same behaviour.
/// </summary>
public interface IKernel : IDisposable
{
    /// <summary>
    /// Raised on a thread of the kernel's own when something may have changed: a router's key, or null for the node, on which
    /// every router depends. Handlers return at once.
    /// </summary>
    event Action<RouterKey?>? Changed;

    /// <summary>
    /// Raised on a thread of the kernel's own when a flow through a router of the kernel datapath has ended, with all that it has
    /// carried. Handlers return at once.
    /// </summary>
    event Action<RouterKey, RouterFlow>? FlowEnded;

    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    ObservedNode ObserveNode();

    /// <summary>The routers of which there is a netns, whoever built it.</summary>
    IReadOnlyList<RouterKey> ListRouters();

    /// <summary>What goes through a router; nothing when it has no netns. Any thread, also during a pass over the router.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    RouterTraffic ReadTraffic(RedirectPlan plan);

    /// <summary>A view of one router, which need not be there yet.</summary>
    IKernelRouter Open(RouterKey key);
}
