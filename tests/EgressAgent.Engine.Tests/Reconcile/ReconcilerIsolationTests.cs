using System.Collections.Concurrent;
using EgressAgent.Engine.Reconcile;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Linux;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using EgressAgent.Testing.FakeKernel;

namespace EgressAgent.Engine.Tests.Reconcile;

// Many routers under one agent: none holds up another.
public sealed class ReconcilerIsolationTests
{
    private static readonly RouterKey Bad = new("default", "bad");

    private readonly FakeKernel _kernel = Example.Node("192.168.12.10/16");
    private readonly MemoryStore _store = new();

    [Fact]
    public async Task Router_that_fails_forever_is_tried_less_and_less_while_the_others_are_built()
    {
        using var agent = new Agent(_kernel, _store);
        var attempts = new ConcurrentQueue<DateTimeOffset>();
        _kernel.BeforeStep = (key, _) =>
        {
            if (key == Bad)
            {
                attempts.Enqueue(agent.Time.GetUtcNow());
                throw new LinuxException("change", "something", Errno.EBUSY);
            }
        };

        await agent.RunAsync([Example.Router("bad", "192.168.99.99/16"), .. Many(20)]);
        for (int i = 0; i < 20 * 64; i++)
        {
            await agent.AdvanceAsync(TimeSpan.FromMilliseconds(50));
        }

        Assert.Equal(RouterState.Failed, agent.StatusOf(Bad).State);
        Assert.Equal(20, agent.Status.All.Count(status => status.State == RouterState.Active));

        // The pass over everything once a minute counts too.
        double[] pauses = [.. attempts.Zip(attempts.Skip(1), (earlier, later) => (later - earlier).TotalSeconds)];
        Assert.Equal([0.5, 1, 2, 4, 8, 16], pauses.Take(6).Select(pause => Math.Round(pause, 1)));
    }

    [Fact]
    public async Task Defect_in_one_routers_pass_does_not_end_the_others()
    {
        using var agent = new Agent(_kernel, _store);
        _kernel.BeforeStep = (key, _) =>
        {
            if (key == Bad)
            {
                throw new InvalidOperationException("a defect");
            }
        };

        await agent.RunAsync([Example.Router("bad", "192.168.99.99/16"), .. Many(20)]);

        Assert.Equal(20, agent.Status.All.Count(status => status.State == RouterState.Active));
        Assert.Contains("default/bad", Assert.Single(agent.Log.Of(EventIds.WorkerFailed)));
    }

    [Fact]
    public async Task Router_that_hangs_in_the_kernel_does_not_hold_up_the_others()
    {
        using var agent = new Agent(_kernel, _store);
        using var resume = new ManualResetEventSlim();
        _kernel.BeforeStep = (key, step) =>
        {
            if (key == Bad && step is ClaimAddress)
            {
                resume.Wait(TestContext.Current.CancellationToken);
            }
        };
        var active = new CountdownEvent(20);
        agent.Status.Changed += change =>
        {
            if (change.After?.State == RouterState.Active && change.Key != Bad)
            {
                active.Signal();
            }
        };

        agent.Apply([Example.File(Example.Router("bad", "192.168.99.99/16")), .. Many(20).Select(Example.File)]);

        Assert.True(active.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        resume.Set();
        await agent.IdleAsync();
        Assert.Equal(RouterState.Active, agent.StatusOf(Bad).State);
    }

    [Fact]
    public async Task Second_router_with_a_reserved_address_is_a_conflict_and_the_first_keeps_it()
    {
        using var agent = new Agent(_kernel, _store);
        await agent.RunAsync(Example.Router("first", "192.168.99.99/16"));

        await agent.RunAsync(Example.Router("second", "192.168.99.99/16"));

        Assert.Equal(RouterState.Active, agent.StatusOf(new RouterKey("default", "first")).State);
        RouterStatus second = agent.StatusOf(new RouterKey("default", "second"));
        Assert.Equal(StatusReasons.InvalidSpec, second.Condition(ConditionType.Degraded).Reason);
        Assert.Contains("192.168.99.99 is already reserved by the router default/first in first.yaml", second.Summary);
    }

    [Fact]
    public async Task Three_hundred_routers_come_and_go_at_once()
    {
        using var agent = new Agent(_kernel, _store);

        await agent.RunAsync(Many(300));

        Assert.Equal(300, agent.Status.All.Count(status => status.State == RouterState.Active));
        Assert.Equal(300, agent.Status.All.SelectMany(status => agent.Allocation(status.Key).InsideAddresses).Distinct().Count());
        await agent.SavedAsync();
        Assert.Equal(300, _store.Records.Count);

        await agent.RemoveAsync(Many(300));
        Assert.Empty(_kernel.ListRouters());
        Assert.Equal(2, _kernel.ReadNode(node => node.Links.Count));
    }

    private static IEnumerable<EgressRouterResource> Many(int count) =>
        Enumerable.Range(0, count).Select(number => Example.Router($"r{number}", $"192.168.{100 + (number / 250)}.{(number % 250) + 1}/16"));
}
