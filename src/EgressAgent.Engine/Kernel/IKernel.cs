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

    /// <summary>
    /// Raised on any thread with what is known of a router's gateways, when it is something else than before; empty when none is asked any
    /// more. Handlers return at once.
    /// </summary>
    event Action<RouterKey, ValueList<ObservedGateway>>? GatewaysChanged;

    /// <summary>The same of a router that is a standby: see <see cref="WatchStandbyGateways"/>.</summary>
    event Action<RouterKey, ValueList<ObservedGateway>>? StandbyGatewaysChanged;

    /// <summary>
    /// Raised on any thread with what on the node keeps clients from a router that is watched, when it is known first and when it is
    /// something else. Handlers return at once.
    /// </summary>
    event Action<RouterKey, ValueList<ClientObstacle>>? ObstaclesChanged;

    /// <summary>Why the kernel has no fence for routers that the nodes of a cluster agree about; null when it has. Any thread.</summary>
    string? WhyNoFence { get; }

    /// <summary>
    /// Why the kernel cannot be trusted to have established flows bypass the chains; null when it was seen to do it right. It is tried when
    /// this is asked for first, which takes a moment. Any thread.
    /// </summary>
    string? WhyNoFlowOffload { get; }

    /// <summary>The node as it is at this moment.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    ObservedNode ObserveNode();

    /// <summary>The routers of which there is a netns of this agent's, or a name that holds none.</summary>
    /// <param name="isAskedFor">Of which routers; null for all. It takes some system calls for each.</param>
    IReadOnlyList<RouterKey> ListRouters(Predicate<RouterKey>? isAskedFor = null);

    /// <summary>What has the name of a router's netns and is not this agent's. It is left alone.</summary>
    /// <param name="isAskedFor"><inheritdoc cref="ListRouters" path="/param[@name='isAskedFor']"/></param>
    IReadOnlyList<ForeignNetns> ListForeign(Predicate<RouterKey>? isAskedFor = null);

    /// <summary>What goes through a router; nothing when it has no netns. Any thread, also during a pass over the router.</summary>
    /// <param name="plan">What is in force.</param>
    /// <param name="visit">Called for each flow, for some of them twice; null where nobody wants them.</param>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    RouterTraffic ReadTraffic(RedirectPlan plan, IFlowVisitor? visit);

    /// <summary>
    /// A number that is another one when a router's relay has carried or refused something since: that is cheap to ask for. 0 while it has
    /// none. Any thread.
    /// </summary>
    ulong ReadActivity(RedirectPlan plan);

    /// <summary>Raised on any thread when something of what Services share was changed. Handlers return at once.</summary>
    event Action? ServicesChanged;

    /// <summary>Brings what Services share to a plan; what is there already is not touched. Any thread, one at a time.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused; it is half done, and safe to repeat.</exception>
    void ApplyServices(ServicePlan plan);

    /// <summary>Looks from now on whether clients reach a router. Any thread; it returns at once.</summary>
    /// <param name="key">The router.</param>
    /// <param name="desired">What is in force of it; null to look no more.</param>
    void WatchClients(RouterKey key, DesiredRouter? desired);

    /// <summary>
    /// Asks the gateways of a router that is a standby of a cluster, from its master with the node's own MAC, and tells by
    /// <see cref="StandbyGatewaysChanged"/>. Any thread; it returns at once.
    /// </summary>
    /// <param name="key">The router.</param>
    /// <param name="standby">What is in force of it; null to ask no more.</param>
    void WatchStandbyGateways(RouterKey key, DesiredRouter? standby);

    /// <summary>
    /// Tells the other nodes of a cluster from now on of the flows of a router that one of them could go on with, or not any more. It needs
    /// no end where the router is silenced. Any thread; it returns at once.
    /// </summary>
    void ShareFlows(RouterKey key, bool isShared);

    /// <summary>
    /// Takes a router's claim away, at once: nothing leaves by its macvlan any more. What else a standby is to have and not to have its next
    /// pass sees to. That it is not claimed, or not there, is no error. Any thread, also during a pass over the router.
    /// </summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    void Release(RouterKey key);

    /// <summary>A view of one router, which need not be there yet.</summary>
    IKernelRouter Open(RouterKey key);
}
