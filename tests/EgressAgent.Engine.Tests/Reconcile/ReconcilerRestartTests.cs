using EgressAgent.Engine.Tests.Support;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Status;
using EgressAgent.Testing.FakeKernel;

namespace EgressAgent.Engine.Tests.Reconcile;

// What a new agent makes of what an earlier one left.
public sealed class ReconcilerRestartTests
{
    private readonly FakeKernel _kernel = Example.Node();
    private readonly MemoryStore _store = new();

    [Fact]
    public async Task Restart_adopts_what_is_there_takes_the_redirect_over_and_announces_the_addresses()
    {
        RouterAllocation before = await BuildAsync();
        _kernel.ForgetSteps();

        using var agent = new Agent(_kernel, _store);
        await agent.RunAsync(Example.Router());

        Assert.Equal(["ApplyRedirect", "HearOthers", "Announce", "AskGateways"], _kernel.Steps.Select(taken => taken.Step.GetType().Name));
        Assert.Equal((RouterState.Active, 1L), (agent.StatusOf(Example.Key).State, agent.StatusOf(Example.Key).Generation));
        Assert.Equal(before, agent.Allocation(Example.Key));
    }

    [Fact]
    public async Task Stop_leaves_the_kernel_as_it_is()
    {
        await BuildAsync();

        Assert.Equal([Example.Key], _kernel.ListRouters());
        Assert.NotNull(_kernel.ReadRouter(Example.Key, netns => netns.Redirect));
    }

    [Fact]
    public async Task Restart_counts_generations_on()
    {
        await BuildAsync();

        using var agent = new Agent(_kernel, _store);
        await agent.RunAsync(Example.Router(rules: Example.Rule(8080, "203.0.113.27", 80)));

        Assert.Equal(2, agent.StatusOf(Example.Key).Generation);
    }

    [Fact]
    public async Task Router_whose_file_vanished_while_no_agent_ran_is_removed_when_others_are_there()
    {
        await BuildAsync();

        using var agent = new Agent(_kernel, _store);
        await agent.RunAsync(Example.Router("other", "192.168.12.98/24"));

        Assert.Equal([new RouterKey("default", "other")], _kernel.ListRouters());
        await agent.SavedAsync();
        Assert.Equal("other", Assert.Single(_store.Routers).Key.Name);
    }

    [Fact]
    public async Task Lost_store_keeps_the_addresses_that_the_kernel_shows()
    {
        using (var first = new Agent(_kernel, _store))
        {
            await first.RunAsync(Example.Router("c", "192.168.12.96/24"), Example.Router("b", "192.168.12.98/24"), Example.Router());
        }

        Dictionary<RouterKey, string> before = InsideAddresses();
        var lost = new MemoryStore();
        using var agent = new Agent(_kernel, lost);
        await agent.RunAsync(
            Example.Router("new", "192.168.12.95/24"), Example.Router(), Example.Router("c", "192.168.12.96/24"), Example.Router("b", "192.168.12.98/24"));

        Dictionary<RouterKey, string> after = InsideAddresses();
        Assert.All(before, entry => Assert.Equal(entry.Value, after[entry.Key]));
        Assert.Equal(4, after.Values.Distinct().Count());
        await agent.SavedAsync();
        Assert.Equal(4, lost.Records.Count);
        Assert.Equal(3, agent.Log.Of(EventIds.Adopted).Count());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Agent_killed_at_any_request_is_carried_on_by_the_next(bool isStoreLost)
    {
        RouterAllocation expected = await BuildAsync();
        int requests = _kernel.RequestCount;
        for (int last = 1; last <= requests; last++)
        {
            FakeKernel kernel = Example.Node();
            MemoryStore store = new();
            int limit = last;
            kernel.BeforeRequest = number =>
            {
                if (number >= limit)
                {
                    throw new OperationCanceledException("the agent is killed");
                }
            };
            using (var killed = new Agent(kernel, store))
            {
                await killed.RunAsync(Example.Router());
            }

            kernel.BeforeRequest = null;
            using var agent = new Agent(kernel, isStoreLost ? new MemoryStore() : store);
            await agent.RunAsync(Example.Router());

            Assert.Equal(RouterState.Active, agent.StatusOf(Example.Key).State);
            Assert.Equal(expected, agent.Allocation(Example.Key));
            Assert.Equal(["lo", "eth0", "net1"], kernel.ReadRouter(Example.Key, netns => netns.Links.Select(link => link.Name).ToArray()));
        }
    }

    private async Task<RouterAllocation> BuildAsync()
    {
        using var agent = new Agent(_kernel, _store);
        await agent.RunAsync(Example.Router());
        return agent.Allocation(Example.Key);
    }

    private Dictionary<RouterKey, string> InsideAddresses() => _kernel.ListRouters().ToDictionary(
        key => key, key => _kernel.ReadRouter(key, netns => netns.Link("eth0").Addresses[0].Address.ToString()));
}
