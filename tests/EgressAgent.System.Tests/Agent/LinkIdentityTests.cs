using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>A link is more than its name and its index: what others do to links and namespaces does not make them others.</summary>
public sealed class LinkIdentityTests : AgentTest
{
    private const string NodeLink = "egr-82b3ade9";

    [Fact]
    public void Pair_that_is_made_anew_has_the_MAC_addresses_that_it_had()
    {
        (_, ObservedRouter router, string inside) = StartWithWebRouter();
        string before = MacsOfPair(router);
        string index = Lab.Node.Ip($"-oneline link show {NodeLink}").Split(':')[0];

        Lab.Node.Ip($"link delete {NodeLink}");

        Eventually.True("another pair", () => router.InsideAddress == inside && Lab.Node.Ip($"-oneline link show {NodeLink}").Split(':')[0] != index);
        Assert.Equal(before, MacsOfPair(router));
        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
    }

    [Fact]
    public void Master_that_moved_elsewhere_and_another_link_with_its_index_are_told_apart()
    {
        Lab.Lan.Attach(Lab.Node, "eth5", port: 2);
        string index = IndexOf(Lab.Node, "eth5");
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}".Replace("  addresses:", "  networkInterface: { macvlan: { master: eth5 } }\n  addresses:"));
        AgentProcess agent = Scenario.StartAgent();
        ObservedRouter router = new("web");
        string inside = router.WaitForInsideAddress(agent);
        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
        Assert.Equal(index, ParentOf(router));

        // Where it goes its index is free, so it keeps it.
        Lab.Node.Ip($"link set eth5 netns {Lab.Neighbour.Namespace}");
        Assert.Equal(index, IndexOf(Lab.Neighbour, "eth5"));
        Lab.Lan.Attach(Lab.Node, "eth5", port: 3, index);

        Eventually.True("the router on the new link", () => Lab.Node.ProbeTcp(inside, 8080).SeenTarget == "203.0.113.26:80", otherwise: () => agent.Log);
        Assert.Equal(index, ParentOf(router));
        agent.WaitForLog("remove net1: its master is now eth5");
    }

    [Fact]
    public void Process_that_keeps_a_namespace_without_a_name_alive_is_named_and_has_no_interface_of_the_routers()
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter();
        using Process holder = Hold(router);
        try
        {
            NamedNetns.Delete(router.NetworkNamespace);

            AssertMadeAnew(router, inside, holder);
            Assert.Contains(
                "WRN default/web: somebody else changed the kernel, repairing: remove net1 and eth0 from the network namespace that lost its name "
                + $"and that lives on as long as process {holder.Id} (sleep) holds it; create network namespace egress.default.web",
                agent.Log);
        }
        finally
        {
            holder.Kill();
        }
    }

    [Fact]
    public void Socket_that_keeps_a_namespace_without_a_name_alive_is_named_with_its_process()
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter();
        string before = router.Identity;
        using Socket holder = router.CreateSocket();

        // A socket is in the kernel's table once it is bound.
        holder.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        NamedNetns.Delete(router.NetworkNamespace);

        Eventually.True("another namespace", () => router.InsideAddress == inside && router.Identity != before, otherwise: () => agent.Log);
        Assert.Matches($@"that lives on as long as socket [0-9]+ of process {Environment.ProcessId} \([^)]+\) holds it; create", agent.Log);
    }

    [Fact]
    public void Namespace_that_lost_its_name_while_no_agent_ran_gives_the_interfaces_back_too()
    {
        (AgentProcess agent, ObservedRouter router, string inside) = StartWithWebRouter();
        using Process holder = Hold(router);
        try
        {
            agent.Stop();
            Command.Check("ip", "netns", "delete", router.NetworkNamespace);

            Scenario.StartAgent();

            AssertMadeAnew(router, inside, holder);
        }
        finally
        {
            holder.Kill();
        }
    }

    private static Process Hold(ObservedRouter router)
    {
        Process holder = Process.Start("nsenter", [$"--net=/run/netns/{router.NetworkNamespace}", "--", "sleep", "1000"]);
        Eventually.True("the process in there", () => File.ReadAllText($"/proc/{holder.Id}/comm") == "sleep\n");
        return holder;
    }

    private void AssertMadeAnew(ObservedRouter router, string inside, Process holder)
    {
        Eventually.True("the router", () => router.Exists && router.InsideAddress == inside && Lab.Node.ProbeTcp(inside, 8080).SeenTarget == "203.0.113.26:80");
        string left = Command.Check("nsenter", "--target", holder.Id.ToString(CultureInfo.InvariantCulture), "--net", "--", "ip", "-oneline", "link");
        Assert.DoesNotContain("net1", left);
        Assert.DoesNotContain("eth0", left);
    }

    private string MacsOfPair(ObservedRouter router) =>
        Lab.Node.MacOf(NodeLink) + " " + router.Ip("-oneline link show dev eth0").Split("link/ether ")[1].Split(' ')[0];

    private static string IndexOf(LabHost host, string link) => host.Ip($"-oneline link show dev {link}").Split(':')[0];

    private static string ParentOf(ObservedRouter router) => router.Ip("-oneline link show dev net1").Split("net1@if")[1].Split(':')[0];
}
