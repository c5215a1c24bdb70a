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
    /// Raised on any thread when something of a router has changed that its own steps did not change. Handlers return at once.
    /// </summary>
    event Action<RouterKey>? RouterChanged;

    /// <summary>
    /// Raised on a thread of the kernel's own when a flow through a router of the kernel datapath has ended, with all that it has
    /// carried. Handlers return at once.
    /// </summary>
    event Action<RouterKey, RouterFlow>? FlowEnded;

    /// <summary>
    /// Raised on any thread when the node, on which every router depends, has become another than was told or observed last, and has
    /// settled.
    /// </summary>
    event Action<ObservedNode>? NodeChanged;

    /// <summary>The node as it is at this moment.</summary>
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
