using EgressAgent.Engine.Kernel;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Reconcile;

/// <summary>Has the kernel look, beside the passes, at what the status of a router makes worth a look.</summary>
internal sealed class KernelWatches(IKernel kernel)
{
    internal void Note(RouterTransition transition)
    {
        DesiredRouter? inForce = InForce(transition.After);
        if (!ReferenceEquals(inForce, InForce(transition.Before)))
        {
            kernel.WatchClients(transition.Key, inForce);
        }

        // A holder asks by its own macvlan, which a pass sees to.
        DesiredRouter? standby = Standby(transition.After);
        if (!ReferenceEquals(standby, Standby(transition.Before)))
        {
            kernel.WatchStandbyGateways(transition.Key, standby);
        }

        bool isShared = HasMovableFlows(inForce);
        if (isShared != HasMovableFlows(InForce(transition.Before)))
        {
            kernel.ShareFlows(transition.Key, isShared);
        }
    }

    private static DesiredRouter? InForce(RouterStatus? status) => status is { IsInForce: true } ? status.Desired : null;

    private static DesiredRouter? Standby(RouterStatus? status) => status?.Condition(ConditionType.Available).Reason == StatusReasons.Standby ? status.Desired : null;

    // Those of clients that do not come by an external address end with the holder's inside address.
    private static bool HasMovableFlows(DesiredRouter? desired) => desired is
    {
        Role: FailoverRole.Holder, Macvlan.IsFenced: true, Redirect: { Datapath: DatapathKind.Kernel, ExternalPorts.Count: > 0 }
    };
}
