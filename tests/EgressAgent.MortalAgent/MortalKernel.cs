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

    public ObservedNode ObserveNode() => kernel.ObserveNode();

    public IReadOnlyList<RouterKey> ListRouters() => kernel.ListRouters();

    public RouterTraffic ReadTraffic(RedirectPlan plan) => kernel.ReadTraffic(plan);

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
