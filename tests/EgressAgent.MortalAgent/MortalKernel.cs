using EgressAgent.Engine;
using EgressAgent.Engine.Kernel;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Status;

namespace EgressAgent.MortalAgent;

/// <summary>The real kernel; each step counts.</summary>
internal sealed class MortalKernel(LinuxKernel kernel, Countdown countdown) : IKernel
{
    public event Action<RouterKey, RouterFlow>? FlowEnded
    {
        add => kernel.FlowEnded += value;
        remove => kernel.FlowEnded -= value;
    }

    public event Action<RouterKey>? RouterChanged
    {
        add => kernel.RouterChanged += value;
        remove => kernel.RouterChanged -= value;
    }

    public event Action<ObservedNode>? NodeChanged
    {
        add => kernel.NodeChanged += value;
        remove => kernel.NodeChanged -= value;
    }

    public event Action<RouterKey, ValueList<ObservedGateway>>? GatewaysChanged
    {
        add => kernel.GatewaysChanged += value;
        remove => kernel.GatewaysChanged -= value;
    }

    public event Action<RouterKey, ValueList<ObservedGateway>>? StandbyGatewaysChanged
    {
        add => kernel.StandbyGatewaysChanged += value;
        remove => kernel.StandbyGatewaysChanged -= value;
    }

    public event Action<RouterKey, ValueList<ClientObstacle>>? ObstaclesChanged
    {
        add => kernel.ObstaclesChanged += value;
        remove => kernel.ObstaclesChanged -= value;
    }

    public event Action? ServicesChanged
    {
        add => kernel.ServicesChanged += value;
        remove => kernel.ServicesChanged -= value;
    }

    public void ApplyServices(ServicePlan plan)
    {
        countdown.BeforeDoing("the Services");
        kernel.ApplyServices(plan);
    }

    public string? WhyNoFence => kernel.WhyNoFence;

    public string? WhyNoFlowOffload => kernel.WhyNoFlowOffload;

    public ObservedNode ObserveNode() => kernel.ObserveNode();

    public IReadOnlyList<RouterKey> ListRouters(Predicate<RouterKey>? isAskedFor) => kernel.ListRouters(isAskedFor);

    public IReadOnlyList<ForeignNetns> ListForeign(Predicate<RouterKey>? isAskedFor) => kernel.ListForeign(isAskedFor);

    public RouterTraffic ReadTraffic(RedirectPlan plan, IFlowVisitor? visit) => kernel.ReadTraffic(plan, visit);

    public ulong ReadActivity(RedirectPlan plan) => kernel.ReadActivity(plan);

    public void WatchStandbyGateways(RouterKey key, DesiredRouter? standby) => kernel.WatchStandbyGateways(key, standby);

    public void ShareFlows(RouterKey key, bool isShared) => kernel.ShareFlows(key, isShared);

    public void WatchClients(RouterKey key, DesiredRouter? desired) => kernel.WatchClients(key, desired);

    public void Release(RouterKey key) => kernel.Release(key);

    public IKernelRouter Open(RouterKey key) => new MortalRouter(kernel.Open(key), countdown);

    public void Dispose() => kernel.Dispose();

    private sealed class MortalRouter(IKernelRouter router, Countdown countdown) : IKernelRouter
    {
        public ObservedRouter Observe() => router.Observe();

        public void Apply(RouterStep step)
        {
            countdown.BeforeDoing(step.ToString());
            router.Apply(step);
        }

        public void Dispose() => router.Dispose();
    }
}
