using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Crash;

/// <summary>
/// The agent is SIGKILLed before each thing that it does to the kernel or to its state on the way from one file to another, none
/// left out: the process that is killed counts them. The next agent, the native one, has to arrive where an agent arrives that
/// was never killed.
/// </summary>
public sealed class StepBoundaryTests : AgentTest
{
    private const string SecondGateway = "192.168.13.1";

    private static readonly RouterDocument Web = RouterDocument.Web("web");
    private static readonly string MortalAgent = Repository.PathOf("artifacts/build/bin/EgressAgent.MortalAgent/debug/EgressAgent.MortalAgent");

    public StepBoundaryTests()
    {
        Files.Configure("addressConflictDetection: false");
        Files.WriteNone();
        Lab.Node.ConnectTo(Lab.Gateway, "eth1", "lan2");
        Lab.Gateway.AddAddress("lan2", $"{SecondGateway}/24");
        Lab.Node.AddAddress("eth1", "192.168.13.10/24");
    }

    [Fact]
    public void Building()
    {
        // A gateway that does not answer is told a few seconds later, before or after a slow node's router is looked at.
        Lab.Gateway.AddAddress("lan", "2001:db8:12::1/64");
        KillEverywhere(before: null, Edited(" } ]\n  mode", " }, { ip: \"2001:db8:12::99/64\", gateway: \"2001:db8:12::1\" } ]\n  mode"));
    }

    [Fact]
    public void Changing_the_rules() => KillEverywhere($"{Web.Tcp(8081, "203.0.113.26", 80)}", $"{Web.Tcp(8443, "203.0.113.27", 443)}");

    [Fact]
    public void Changing_the_address() => KillEverywhere($"{Web}", Edited("192.168.12.99/24", "192.168.12.98/24"), source: "192.168.12.98");

    [Fact]
    public void Changing_the_gateway() => KillEverywhere(Edited("gateway: \"192.168.12.1\"", "gateway: \"192.168.12.20\""), $"{Web}");

    [Fact]
    public void Changing_the_mode() => KillEverywhere($"{Web}", WithInterface("mode: Private"));

    [Fact]
    public void Changing_to_a_mode_that_needs_a_new_interface() =>
        KillEverywhere(WithInterface("mode: Passthru, master: eth1"), $"{Web}");

    [Fact]
    public void Changing_the_master() => KillEverywhere(
        $"{Web}",
        WithInterface("master: eth1").Replace("192.168.12.99", "192.168.13.99").Replace("192.168.12.1\"", $"{SecondGateway}\""),
        source: "192.168.13.99");

    [Fact]
    public void Changing_the_datapath() => KillEverywhere($"{Web}", $"{Web with { Datapath = "relay" }}");

    [Fact]
    public void Removing() => KillEverywhere($"{Web}", after: null);

    [Fact]
    public void Removing_a_relay() => KillEverywhere($"{Web with { Datapath = "relay" }}", after: null);

    private static string Edited(string what, string by)
    {
        string document = $"{Web}";
        Assert.Contains(what, document);
        return document.Replace(what, by);
    }

    private static string WithInterface(string macvlan) =>
        $"{Web}".Replace("spec:\n", $"spec:\n  networkInterface: {{ macvlan: {{ {macvlan} }} }}\n")
            .Replace("  name: web\n", "  name: web\n  annotations: { egressagent.org/passthru-takes-the-node: \"true\" }\n");

    private void KillEverywhere(string? before, string? after, string source = EgressLab.ReservedAddress)
    {
        string goal = Reach(after, source);
        string start = Reach(before, source: null);
        Assert.NotEqual(goal, start);
        for (int boundary = 1; ; boundary++)
        {
            Save(after);
            CommandResult killed = Lab.Node.Run(MortalAgent, Files.Routers, Files.Config, Files.State, Files.Runtime, $"{boundary}");
            if (killed.ExitCode == 0)
            {
                Assert.True(boundary > 1, $"nothing was done:\n{killed.Output}");
                AwaitView(goal);
                TestContext.Current.TestOutputHelper?.WriteLine($"{boundary - 1} boundaries");
                return;
            }

            Assert.True(killed.Output.Contains("killed before "), $"{killed}");
            try
            {
                Reach(after, source, goal);
                Reach(before, source: null, start);
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"boundary {boundary}: {killed.Output}{exception.Message}", exception);
            }
        }
    }

    // What the kernel does of itself, as the local route of an IPv6 address, is there a moment after the agent's part. Where it is not known
    // what is to be seen, two looks have to be alike.
    private string AwaitView(string? expected)
    {
        string view = "";
        Eventually.True(
            "the same router",
            () =>
            {
                string before = view;
                view = View();
                return view == (expected ?? before);
            },
            otherwise: () => string.Join('\n', Only("-", expected ?? "", view).Concat(Only("+", view, expected ?? ""))));
        return view;
    }

    private static IEnumerable<string> Only(string mark, string these, string those)
    {
        List<string> others = [.. those.Split('\n')];
        return these.Split('\n').Where(line => !others.Remove(line)).Select(line => $"{mark} {line}");
    }

    // By an agent that nobody kills. Returns what it made of the file, which has to be as expected.
    private string Reach(string? document, string? source, string? expected = null)
    {
        Save(document);
        AgentProcess agent = Scenario.StartAgent();
        string settled = document is null ? "no routers" : "1 router active";
        Eventually.True(settled, () => agent.Status.Contains(settled), otherwise: () => $"{agent.Status}\n{agent.Log}");
        if (document is not null && source is not null)
        {
            Assert.Equal(source, Lab.Node.ProbeTcp(new ObservedRouter("web").InsideAddress!, 8080).SeenSource);
        }

        string view = AwaitView(expected);
        Assert.Equal(0, agent.Stop());
        return view;
    }

    private string View() => RouterView.Of(Lab.Node, "web");

    private void Save(string? document)
    {
        if (document is null)
        {
            Files.Delete("web.yaml");
        }
        else
        {
            Files.Replace("web.yaml", document);
        }
    }
}
