using EgressAgent.Engine.Registry;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Model;
using EgressAgent.Model.Status;
using EgressAgent.Testing.FakeKernel;

namespace EgressAgent.Engine.Tests.Registry;

/// <summary>What the registry remembers of a router's transitions.</summary>
public sealed class HistoryTests
{
    private readonly FakeKernel _kernel = Example.Node();
    private readonly MemoryStore _store = new();

    [Fact]
    public async Task History_is_what_became_of_the_router_in_order()
    {
        using var agent = new Agent(_kernel, _store);
        await agent.RunAsync(Example.Router());
        _kernel.EditNode(node => node.RemoveLink("ens3"));
        await agent.IdleAsync();
        _kernel.EditNode(node => Example.AddInterface(node));
        await agent.IdleAsync();
        await agent.RunAsync(Example.Router(rules: Example.Rule(9090, "203.0.113.26", 80)));

        Assert.Equal(
            [(1, RouterState.Active, "InForce"), (1, RouterState.Pending, "MasterMissing"), (1, RouterState.Active, "InForce"), (2, RouterState.Active, "InForce")],
            HistoryOf(agent).Select(happened => ((int)happened.Generation, happened.State, happened.Reason)));
        Assert.Contains("leaves as 192.168.12.99", HistoryOf(agent)[0].Message);
    }

    [Fact]
    public async Task History_goes_on_after_a_restart_which_is_no_event()
    {
        ValueList<RouterEvent> before;
        using (var agent = new Agent(_kernel, _store))
        {
            await agent.RunAsync(Example.Router());
            before = HistoryOf(agent);
        }

        using var next = new Agent(_kernel, _store);
        await next.RunAsync(Example.Router());

        Assert.Single(before);
        Assert.Equal(before, HistoryOf(next));
    }

    [Fact]
    public async Task History_is_saved_a_second_later()
    {
        using var agent = new Agent(_kernel, _store);
        await agent.RunAsync(Example.Router());
        await agent.SavedAsync();

        await agent.AdvanceAsync(TimeSpan.FromSeconds(1));

        await Agent.UntilAsync(() => _store.Records is [RouterRecord { History: [{ State: RouterState.Active }] }]);
    }

    [Fact]
    public async Task History_keeps_the_last_events_alone()
    {
        using var agent = new Agent(_kernel, _store);
        for (ushort port = 1; port <= RegisteredRouter.MaxEvents + 3; port++)
        {
            await agent.RunAsync(Example.Router(rules: Example.Rule(port, "203.0.113.26", 80)));
        }

        ValueList<RouterEvent> history = HistoryOf(agent);
        Assert.Equal((RegisteredRouter.MaxEvents, 4, RegisteredRouter.MaxEvents + 3), (history.Count, (int)history[0].Generation, (int)history[^1].Generation));
    }

    [Fact]
    public async Task History_of_a_router_that_is_removed_goes_with_it()
    {
        using var agent = new Agent(_kernel, _store);
        await agent.RunAsync(Example.Router());
        await agent.RemoveAsync(Example.Router());
        await agent.RunAsync(Example.Router());

        Assert.Single(HistoryOf(agent));
    }

    private static ValueList<RouterEvent> HistoryOf(Agent agent) => agent.Registry.Find(Example.Key)!.History;
}
