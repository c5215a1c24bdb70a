using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>The agent builds the documented example, and clients, destinations and administrators see what is documented.</summary>
public abstract class DocumentedExampleTests : RedirectContract
{
    private readonly Fixture _fixture;

    protected DocumentedExampleTests(Fixture fixture)
    {
        Requires.Agent();
        _fixture = fixture;
    }

    protected override EgressLab Lab => _fixture.Lab;

    private protected ObservedRouter ExampleRouter => _fixture.Router;

    [Fact]
    public void Routing_table_is_the_documented_one()
    {
        string[] lines = [.. ExampleRouter.Routes.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.TrimEnd())];

        // The kernel prints them in the order of their prefixes.
        Assert.Equal(
            [
                "default via 192.168.12.1 dev net1",
                "192.168.12.0/24 dev net1 proto kernel scope link src 192.168.12.99",
                "192.168.12.1 dev net1",
                "198.18.0.0/16 dev eth0 proto kernel scope link src 198.18.0.2",
            ],
            lines);
    }

    [Fact]
    public void Outer_end_is_found_by_the_routers_name()
    {
        string link = Lab.Node.Ip("-oneline link show dev egress.default.egress-router-redirect");

        Assert.Matches(@"^\d+: egr-[0-9a-f]{8}@", link);
        Assert.Contains("198.18.0.1", Lab.Node.Ip("-oneline address show dev egress.default.egress-router-redirect"));
    }

    [Fact]
    public void Macvlan_has_the_masters_mtu_and_a_locally_administered_mac()
    {
        string link = ExampleRouter.Ip("-details -oneline link show dev net1");

        Assert.Contains("macvlan mode bridge", link);
        Assert.Contains("mtu 1500", link);
        Assert.Matches("link/ether [0-9a-f][26ae]:", link);
    }

    [Fact]
    public void Only_the_agents_own_table_is_there()
    {
        string[] tables = [.. ExampleRouter.Ruleset.Split('\n').Where(line => line.StartsWith("table ", StringComparison.Ordinal))];

        Assert.All(tables, table => Assert.EndsWith(" egress_agent {", table));
        Assert.NotEmpty(tables);
        Assert.Empty(Lab.Node.Check("nft", "list", "ruleset"));
    }

    [Fact]
    public void No_thread_of_the_agent_stays_in_the_routers_namespace() =>
        _fixture.Agent.WaitForThreadsAtHome();

    public abstract class Fixture : IDisposable
    {
        // On first use, not in the constructor: a test that has to be skipped is skipped after its fixture was made.
        private readonly Lazy<(AgentScenario Scenario, AgentProcess Agent, ObservedRouter Router)> _running;

        protected Fixture(string datapath) => _running = new(() => Start(datapath));

        public EgressLab Lab => _running.Value.Scenario.Lab;

        public AgentProcess Agent => _running.Value.Agent;

        public ObservedRouter Router => _running.Value.Router;

        public void Dispose()
        {
            if (_running.IsValueCreated)
            {
                _running.Value.Scenario.Dispose();
            }
        }

        private static (AgentScenario Scenario, AgentProcess Agent, ObservedRouter Router) Start(string datapath)
        {
            AgentScenario scenario = new(datapath);
            try
            {
                scenario.Files.Write("egress-router-redirect.yaml", RouterDocument.DocumentedExample);
                AgentProcess agent = scenario.StartAgent();
                ObservedRouter router = new("egress-router-redirect");
                Assert.Equal(EgressLab.InsideAddress, router.WaitForInsideAddress(agent));
                Eventually.Holds(() =>
                    Assert.Equal(ProbeOutcome.Answered, scenario.Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8080).Outcome));
                return (scenario, agent, router);
            }
            catch
            {
                scenario.Dispose();
                throw;
            }
        }
    }
}
