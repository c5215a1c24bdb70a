using EgressAgent.Engine.Cluster;
using EgressAgent.Engine.Registry;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Reconcile;

/// <summary>Tells a cluster which routers this node can hold: those that are built, and whose file has the cluster agree about them.</summary>
internal sealed class ClusterCandidates(ICluster cluster, ResourceRegistry registry)
{
    private readonly Lock _lock = new();
    private readonly HashSet<RouterKey> _candidates = [];
    private readonly Dictionary<RouterKey, bool?> _answers = [];

    internal void Note(RouterTransition transition)
    {
        bool isOfCluster = registry.Find(transition.Key) is { IsRemoved: false, Wanted.Spec.Failover: FailoverMode.Cluster };
        lock (_lock)
        {
            bool isChanged = transition.After switch
            {
                { State: not RouterState.Removing } status when isOfCluster => IsBuilt(status) switch
                {
                    true => _candidates.Add(transition.Key),
                    false => _candidates.Remove(transition.Key),
                    null => false,
                },
                _ => _candidates.Remove(transition.Key),
            };
            if (isChanged)
            {
                cluster.Want(new HashSet<RouterKey>(_candidates));
            }

            bool? answers = _candidates.Contains(transition.Key) ? DoGatewaysAnswer(transition.After!) : null;
            if (answers != _answers.GetValueOrDefault(transition.Key))
            {
                _answers[transition.Key] = answers;
                cluster.NoteGateways(transition.Key, answers);
            }
        }
    }

    // A cable that is out keeps a node from its gateway as well. What is not known while the router is being set up says nothing.
    private static bool? DoGatewaysAnswer(RouterStatus status) => IsBuilt(status) != true ? null
        : status.Troubles.Any(trouble => trouble.Reason == PlanReasons.MasterDown) ? false
        : status.Condition(ConditionType.GatewayReachable).Status;

    // A failure that may pass moves nothing. What the node lacks, such as the master, another node may have.
    private static bool? IsBuilt(RouterStatus status) => status switch
    {
        { IsInForce: true } => true,
        { State: RouterState.Pending } => false,
        _ when status.Condition(ConditionType.Available).Reason == StatusReasons.Standby => true,
        _ => null,
    };
}
