using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Reconcile;

// Whether the router is claimed on this node the kernel says, where the next agent finds it and a release without an agent takes it away.
// Before there is a netns, and until a pass has marked it, what was asked for counts.
internal sealed partial class ManagedRouter
{
    private readonly Lock _claiming = new();
    private bool _isClaimed;
    private bool? _asked;

    // That the pass works for.
    private FailoverRole _role;

    /// <summary>Whether the nodes of a cluster agree who holds the router.</summary>
    internal bool IsOfCluster => _registry.Find(_key) is { Wanted.Spec.Failover: FailoverMode.Cluster };

    /// <summary>Asks for the router to be held here: for the next pass. Any thread.</summary>
    internal void Claim()
    {
        lock (_claiming)
        {
            _asked = true;
        }
    }

    /// <summary>Silences the router on the physical network, also during a pass, which sets nothing up any more; the next one does the rest. Any thread.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    internal void Release()
    {
        lock (_claiming)
        {
            if (IsOfCluster)
            {
                _cluster?.Release(_key);
            }
            else
            {
                _asked = false;
            }

            _kernel.Release(_key);
        }
    }

    // Only of a pass that would hold the router: that of a standby does what was asked for.
    private bool IsReleasedMeanwhile
    {
        get
        {
            lock (_claiming)
            {
                return _role == FailoverRole.Holder && (_asked == false || (IsOfCluster && _cluster?.Find(_key).IsHolder == false));
            }
        }
    }

    private void BeginRole()
    {
        lock (_claiming)
        {
            _role = FailoverRole.None;
        }
    }

    private FailoverRole FindRole(EgressRouterSpec spec, ObservedRouter observed)
    {
        lock (_claiming)
        {
            if (spec.Failover == FailoverMode.None)
            {
                (_isClaimed, _asked) = (false, null);
                return _role = FailoverRole.None;
            }

            if (spec.Failover == FailoverMode.Cluster)
            {
                return _role = FindAgreedRole(observed);
            }

            _isClaimed = _asked ?? (observed.HasNetns ? observed.IsClaimed : _isClaimed);
            if (_asked == observed.IsClaimed && observed.HasNetns)
            {
                _asked = null;
            }

            return _role = _isClaimed ? FailoverRole.Holder : FailoverRole.Standby;
        }
    }

    // Until it is known what the nodes agree about, the fence is closed to what an earlier agent left, and it stays.
    private FailoverRole FindAgreedRole(ObservedRouter observed)
    {
        (_isClaimed, _asked) = (false, null);
        if (_cluster is null)
        {
            return FailoverRole.Standby;
        }

        bool isHolder = _cluster.Find(_key).IsHolder ?? observed.IsClaimed;

        // It was released without the agent.
        if (isHolder && _settled is { Role: FailoverRole.Holder } && observed is { HasNetns: true, IsClaimed: false })
        {
            _cluster.Release(_key);
            isHolder = false;
        }

        return isHolder ? FailoverRole.Holder : FailoverRole.Standby;
    }

    private PlanProblem? WhyNotAgreed(EgressRouterSpec spec) => spec.Failover != FailoverMode.Cluster ? null
        : _cluster is null && _configuration.Cluster is null ? new PlanProblem(
            StatusReasons.NoCluster, "the file has `egressagent.org/failover: cluster`, and this node is in no cluster: give `cluster` in agentd.yaml, and restart the agent")
        : _kernel.WhyNoFence is { } why ? new PlanProblem(PlanReasons.FenceMissing, why)
        : null;

    private IEnumerable<PlanProblem> ClusterProblems(FailoverRole role)
    {
        if (_cluster is { Facts.Problem: { } problem })
        {
            string what = role == FailoverRole.Standby ? "the cluster cannot be asked, so that this node takes nothing over"
                : _cluster.Remaining > TimeSpan.Zero ? "etcd cannot be asked, and the other nodes renew the claim of this one"
                : "the router is silent on this node until the cluster renews its claim";
            yield return new PlanProblem(StatusReasons.ClusterUnreachable, $"{what}: {problem}") { Subject = "the cluster" };
        }

        if (_cluster is { Facts.Unwritten: { } unwritten })
        {
            string what = role == FailoverRole.Standby ? "this node cannot claim the router when it falls to it" : "the router goes on here, and no other node could take it over";
            yield return new PlanProblem(StatusReasons.ClusterUnwritten, $"{what}: {unwritten}") { Subject = "what the cluster writes" };
        }

        if (_cluster is { Facts.Unheard: { } unheard })
        {
            yield return new PlanProblem(StatusReasons.HeartbeatsMissing, unheard) { Subject = "heartbeats" };
        }
    }

    private string? DescribeHolder() => _cluster?.Find(_key) is { } holding
        ? holding.Holder is { } holder && holder != _cluster.Node ? $"the node {holder} holds it" : "no node holds it yet"
        : null;

    private void Take(RouterStep step, DesiredRouter desired)
    {
        if (desired.Role != FailoverRole.Holder)
        {
            _router.Apply(step);
            return;
        }

        if (step is not (ConfigureMacvlan or MarkClaim))
        {
            ThrowIfReleased();
            _router.Apply(step);
            return;
        }

        lock (_claiming)
        {
            ThrowIfReleased();
            _router.Apply(step);
        }
    }

    private void ThrowIfReleased()
    {
        if (IsReleasedMeanwhile)
        {
            throw new OutdatedRoleException();
        }
    }

    /// <summary>The router was claimed or released while a pass was under way that had begun before.</summary>
    private sealed class OutdatedRoleException : Exception;
}
