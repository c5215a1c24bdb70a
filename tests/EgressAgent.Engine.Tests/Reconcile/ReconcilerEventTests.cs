using EgressAgent.Engine.Tests.Support;
using EgressAgent.Linux;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Status;
using EgressAgent.Testing.FakeKernel;

namespace EgressAgent.Engine.Tests.Reconcile;

/// <summary>Which events make which routers pass.</summary>
public sealed class ReconcilerEventTests : IDisposable
{
    private readonly FakeKernel _kernel = Example.Node();
    private readonly Agent _agent;

    public ReconcilerEventTests() => _agent = new Agent(_kernel, new MemoryStore());

    public void Dispose() => _agent.Dispose();

    [Fact]
    public async Task Router_is_passed_over_once_for_each_edit()
    {
        await _agent.RunAsync(Example.Router());
        Assert.Equal(1, _agent.Log.PassCount);

        await _agent.RunAsync(Example.Router(rules: Example.Rule(8081, "203.0.113.27", 80)));
        Assert.Equal(2, _agent.Log.PassCount);
    }

    [Fact]
    public async Task Nodes_changes_that_leave_the_plan_as_it_is_make_no_router_pass()
    {
        await _agent.RunAsync(Example.Router(), Example.Router("other", "192.168.12.98/24"));
        int before = _agent.Log.PassCount;

        for (int i = 0; i < 150; i++)
        {
            _kernel.EditNode(node =>
            {
                node.AddHardware($"cali{i}");
                node.AddAddress($"cali{i}", Example.Cidr($"10.77.{i}.1/24"));
            });
            _kernel.EditNode(node => node.RemoveLink($"cali{i}"));
        }

        await _agent.IdleAsync();
        Assert.Equal(before, _agent.Log.PassCount);
    }

    [Fact]
    public async Task Nodes_change_makes_only_the_routers_pass_whose_plan_it_changes()
    {
        _kernel.EditNode(node =>
        {
            node.AddHardware("ens4");
            node.AddAddress("ens4", Example.Cidr("192.168.13.10/24"));
        });
        await _agent.RunAsync(Example.Router(), Example.Router("other", "192.168.13.98/24"));
        int before = _agent.Log.PassCount;

        _kernel.EditNode(node => node.SetMtu("ens4", 1400));
        await _agent.IdleAsync();

        Assert.InRange(_agent.Log.PassCount, before + 1, before + 2);
        Assert.Equal(1400, _agent.StatusOf(new("default", "other")).Desired!.Macvlan.Mtu);
    }

    [Fact]
    public async Task Pause_after_a_failure_is_kept_whoever_asks()
    {
        int attempts = 0;
        _kernel.BeforeStep = (_, step) =>
        {
            if (step is CreateVeth)
            {
                attempts++;
                throw new LinuxException("create", "veth", Errno.ENOMEM);
            }
        };
        await _agent.RunAsync(Example.Router());
        Assert.Equal(1, attempts);

        for (int i = 0; i < 40; i++)
        {
            _kernel.EditNode(node => node.SetMtu("ens3", 1300 + i));
            _kernel.EditRouter(Example.Key, netns => netns.SetUp("lo", up: i % 2 == 0));
            await _agent.AdvanceAsync(TimeSpan.FromMilliseconds(250));
        }

        // Half a second, one, two, four, eight: what comes in ten seconds.
        Assert.InRange(attempts, 4, 6);
        Assert.Single(_agent.Log.Of(EventIds.Failed));

        _kernel.BeforeStep = null;
        await _agent.AdvanceAsync(TimeSpan.FromSeconds(8));
        Assert.Equal(RouterState.Active, _agent.StatusOf(Example.Key).State);
    }

    [Fact]
    public async Task Step_that_fails_since_the_node_changed_meanwhile_is_no_failure()
    {
        _kernel.BeforeStep = (_, step) =>
        {
            if (step is CreateMacvlan)
            {
                _kernel.BeforeStep = null;
                _kernel.EditNode(node => node.RemoveLink("ens3"));
            }
        };

        await _agent.RunAsync(Example.Router());

        Assert.Empty(_agent.Log.Of(EventIds.Failed));
        Assert.Equal(RouterState.Pending, _agent.StatusOf(Example.Key).State);
    }

    [Fact]
    public async Task Each_router_was_seen_although_a_pass_over_one_does_not_end()
    {
        await _agent.RunAsync(Example.Router());
        using var isFree = new ManualResetEventSlim();
        _kernel.BeforeStep = (key, _) =>
        {
            if (key == Example.Key)
            {
                isFree.Wait(TestContext.Current.CancellationToken);
            }
        };
        _kernel.EditRouter(Example.Key, netns => netns.SetUp("lo", up: false));

        _agent.Apply([Example.File(Example.Router("other", "192.168.12.98/24"))]);
        await _agent.Reconciler.WhenEachWasSeen().WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        Assert.False(_agent.Reconciler.WhenIdle().IsCompleted);
        isFree.Set();
        await _agent.IdleAsync();
    }
}
