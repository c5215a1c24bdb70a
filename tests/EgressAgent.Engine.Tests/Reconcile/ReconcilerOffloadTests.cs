using EgressAgent.Engine.Tests.Support;
using EgressAgent.Linux;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using EgressAgent.Testing.FakeKernel;

namespace EgressAgent.Engine.Tests.Reconcile;

// Established flows that bypass the chains, under a running agent.
public sealed class ReconcilerOffloadTests : IDisposable
{
    private static readonly EgressRouterResource Plain = Example.Router();
    private static readonly EgressRouterResource Router = Plain with { Spec = Plain.Spec with { FlowOffload = FlowOffloadMode.Auto } };

    private readonly FakeKernel _kernel = Example.Node();
    private readonly Agent _agent;

    public ReconcilerOffloadTests() => _agent = new Agent(_kernel, new MemoryStore());

    private IEnumerable<string> Offloaded => _kernel.ReadRouter(Example.Key, netns => netns.Links.Where(link => link.IsOffloaded).Select(link => link.Name).Order().ToArray());

    private string? AnyReset => _kernel.ReadRouter(Example.Key, netns => netns.GetSysctl("net/netfilter/nf_conntrack_tcp_ignore_invalid_rst"));

    public void Dispose() => _agent.Dispose();

    [Fact]
    public async Task Links_are_offloaded_and_again_when_one_was_made_anew()
    {
        await _agent.RunAsync(Router);
        Assert.Equal(["eth0", "net1"], Offloaded);
        Assert.Equal("1", AnyReset);

        _kernel.EditRouter(Example.Key, netns => netns.RemoveLink(RouterNames.OutsideLink));
        await _agent.IdleAsync();

        Assert.Equal(["eth0", "net1"], Offloaded);
        Assert.Equal(RouterState.Active, _agent.StatusOf(Example.Key).State);
        await _agent.RunAsync(Plain);
        Assert.Empty(Offloaded);
        Assert.Equal("0", AnyReset);
    }

    [Fact]
    public async Task Kernel_that_failed_the_trial_offloads_nothing_and_the_router_is_as_well_as_without()
    {
        _kernel.WhyNoFlowOffload = "this kernel has no flowtables (nf_flow_table)";

        await _agent.RunAsync(Router);

        Assert.Empty(Offloaded);
        Assert.Equal(RouterState.Active, _agent.StatusOf(Example.Key).State);
        Assert.Equal(_kernel.WhyNoFlowOffload, _agent.StatusOf(Example.Key).Desired!.WhyNoFlowOffload);
    }

    [Fact]
    public async Task Kernel_that_failed_the_trial_makes_no_router_concerned_by_a_node_that_stays_the_same()
    {
        _kernel.WhyNoFlowOffload = "this kernel has no flowtables (nf_flow_table)";
        await _agent.RunAsync(Router);
        int looks = 0;
        _kernel.BeforeStep = (_, step) =>
        {
            looks++;
            throw new LinuxException("add", $"{step}", Errno.ENOBUFS);
        };

        // Of a router that the node concerned the refusal would pass for the node's, and be tried again at once and for ever.
        _kernel.EditRouter(Example.Key, netns => netns.RemoveLink(RouterNames.OutsideLink));
        await _agent.IdleAsync();

        Assert.InRange(looks, 1, 50);
        Assert.Contains("ENOBUFS", _agent.StatusOf(Example.Key).Summary);
    }

    [Fact]
    public async Task Link_that_the_kernel_does_not_take_leaves_the_router_working_and_is_tried_again()
    {
        _kernel.BeforeStep = (_, step) =>
        {
            if (step is OffloadFlows)
            {
                throw new LinuxException("offload flows", "net1", Errno.EEXIST);
            }
        };

        await _agent.RunAsync(Router);

        RouterStatus status = _agent.StatusOf(Example.Key);
        Assert.Equal((RouterState.Degraded, true), (status.State, status.IsInForce));
        Assert.Contains("without flow offload: offload flows net1: EEXIST", status.Summary);
        _kernel.BeforeStep = null;
        await _agent.AdvanceAsync(TimeSpan.FromMinutes(10));
        Assert.Equal(RouterState.Active, _agent.StatusOf(Example.Key).State);
        Assert.Equal(["eth0", "net1"], Offloaded);
    }
}
