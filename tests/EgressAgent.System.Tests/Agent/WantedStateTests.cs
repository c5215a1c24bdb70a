using System.Text.RegularExpressions;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>What is wanted of a router is known in one place, whatever happens to its files and to the state.</summary>
public sealed partial class WantedStateTests : AgentTest
{
    private const string Broken = "kind: [";

    // Where LiteDB's header page has the version of what is stored.
    private const int SchemaOffset = 76;

    [Fact]
    public void File_renamed_and_broken_keeps_its_router_over_a_restart_and_a_reboot()
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter();
        Files.Move("web.yaml", "renamed.yaml");
        Files.Write("other.yaml", $"{RouterDocument.Web("other", "192.168.12.98/24")}");
        Eventually.Holds(() => Assert.Contains("2 routers active", agent.Status));
        agent.Stop();
        Files.Write("renamed.yaml", Broken);
        Command.Check("ip", "netns", "del", router.NetworkNamespace);

        AgentProcess next = Scenario.StartAgent();

        Assert.Equal(inside, router.WaitForInsideAddress(next));
        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
        Eventually.Holds(() => Assert.Matches("1 router active, 1 degraded, 1 file in error: default/web: .*renamed.yaml:1:", next.Status));
    }

    [Fact]
    public void Labels_alone_are_saved_and_disturb_nothing()
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter();
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Node, inside, 8080);
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}".Replace("metadata:\n", "metadata:\n  labels: { team: billing-label }\n"));
        Files.Write("other.yaml", $"{RouterDocument.Web("other", "192.168.12.98/24")}");
        Eventually.Holds(() => Assert.Contains("2 routers active", agent.Status));
        agent.Stop();

        Assert.Contains("billing-label", File.ReadAllText(Path.Combine(Files.State, "state.db")));
        Assert.DoesNotContain("default/web: generation 2", agent.Log);
        Assert.True(router.Exists);
        transfer.WaitForBlocks(100);
    }

    [Fact]
    public void Router_that_gets_another_name_hands_its_addresses_over_in_one_step()
    {
        string document = $"{RouterDocument.Web("web")}".Replace(
            "metadata:\n", $"metadata:\n  annotations: {{ egressagent.org/inside-address: \"{EgressLab.InsideAddress}\" }}\n");
        Files.Write("web.yaml", document);
        AgentProcess agent = Scenario.StartAgent();
        WaitForTcp(Lab.Node, EgressLab.InsideAddress, 8080, "203.0.113.26:80");

        Files.Replace("web.yaml", document.Replace("name: web", "name: portal"));

        agent.WaitForLog("default/portal: in force");
        Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(EgressLab.InsideAddress, 8080).SeenSource);
        Assert.False(new ObservedRouter("web").Exists);
        Assert.DoesNotContain(" ERR ", agent.Log);
        Assert.DoesNotContain(" WRN ", agent.Log);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Directory_without_files_at_the_start_keeps_the_routers_and_names_the_remedy(bool isMissing)
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter();
        agent.Stop();
        Files.Delete("web.yaml");
        Command.Check("ip", "netns", "del", router.NetworkNamespace);
        if (isMissing)
        {
            Directory.Delete(Files.Routers);
        }

        AgentProcess next = Scenario.StartAgent();

        Assert.Equal(inside, router.WaitForInsideAddress(next));
        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
        next.WaitForLog(isMissing ? "is not there" : "egress-agentd cleanup");
        Assert.Contains("1 router active, 1 file in error", next.Status);

        Directory.CreateDirectory(Files.Routers);
        next.WaitForLog("no router file is here");
        Files.Write("other.yaml", $"{RouterDocument.Web("other", "192.168.12.98/24")}");
        Eventually.True("the router to go", () => !router.Exists, otherwise: () => next.Log);
        Eventually.Holds(() => Assert.Contains("the files are read again", next.Log));
        Eventually.Holds(() => Assert.StartsWith("1 router active at ", next.Status));
    }

    [Fact]
    public void State_that_is_read_only_is_told_with_its_end_and_routers_run_with_what_it_knows()
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter();
        agent.Stop();
        using Undo mounted = MountState("size=1m");
        Files.Write("web.yaml", Broken);
        Files.Write("new.yaml", $"{RouterDocument.Web("new", "192.168.12.98/24")}");
        Command.Check("ip", "netns", "del", router.NetworkNamespace);
        Command.Check("mount", "-o", "remount,ro", Files.State);

        AgentProcess next = Scenario.StartAgent();

        Assert.Equal(inside, router.WaitForInsideAddress(next));
        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
        WaitForTcp(Lab.Node, new ObservedRouter("new").WaitForInsideAddress(next), 8080, "203.0.113.26:80");
        Eventually.Holds(() => Assert.Matches("ERR .*/state.db: .*Read-only file system", next.Log));

        Command.Check("mount", "-o", "remount,rw", Files.State);
        next.WaitForLog("the state is saved again");
        Assert.Equal(0, next.Stop());
        AssertSaved("new");
    }

    [Fact]
    public void State_that_is_full_is_told_with_its_end_and_the_router_is_there()
    {
        using Undo mounted = MountState("size=16k");
        string ballast = Path.Combine(Files.State, "ballast");
        Command.Run("sh", "-c", $"cat /dev/zero >{ballast}");

        (AgentProcess agent, _, _) = StartWithWebRouter();

        Eventually.True("the warning", () => FullDisk().IsMatch(agent.Log), otherwise: () => agent.Log);
        Eventually.Holds(() => Assert.Contains("1 router active, 1 file in error", agent.Status));
        File.Delete(ballast);
        Command.Check("mount", "-o", "remount,size=1m", Files.State);
        agent.WaitForLog("the state is saved again");
        Eventually.Holds(() => Assert.StartsWith("1 router active at ", agent.Status));
        Assert.Equal(0, agent.Stop());
        AssertSaved("web");
    }

    [Fact]
    public void State_of_a_newer_agent_is_left_alone_and_the_router_is_adopted()
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter();
        string identity = router.Identity;
        using EchoedTransfer transfer = EchoedTransfer.Start(Lab.Node, inside, 8080);
        agent.Stop();
        byte[] newer = File.ReadAllBytes(Path.Combine(Files.State, "state.db"));
        newer[SchemaOffset] = 99;
        File.WriteAllBytes(Path.Combine(Files.State, "state.db"), newer);

        AgentProcess next = Scenario.StartAgent();

        Eventually.Holds(() => Assert.Contains("was written by a newer egress-agentd", next.Status));
        transfer.WaitForBlocks(100);
        Assert.Equal((inside, identity), (router.InsideAddress, router.Identity));
        Assert.Equal(0, next.Stop());
        Assert.Equal(newer, File.ReadAllBytes(Path.Combine(Files.State, "state.db")));
    }

    [GeneratedRegex("ERR .*/state.db: .*No space left on device")]
    private static partial Regex FullDisk();

    private void AssertSaved(string name) => Assert.Contains($"EgressRouter/default/{name}", File.ReadAllText(Path.Combine(Files.State, "state.db")));

    // What the state holds goes along.
    private Undo MountState(string options)
    {
        string content = Path.Combine(Files.Runtime, "content");
        Command.Check("cp", "--recursive", Files.State, content);
        Command.Check("mount", "-t", "tmpfs", "-o", $"{options},mode=0700", "egress-agentd-test", Files.State);
        foreach (string file in Directory.GetFiles(content))
        {
            File.Copy(file, Path.Combine(Files.State, Path.GetFileName(file)));
        }

        return new Undo(() => Command.Check("umount", "--lazy", Files.State));
    }
}
