using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>What others do on the node makes no router pass that it does not concern. Passes are counted, as times depend on the machine.</summary>
public sealed class NodeEventTests : AgentTest
{
    private const string Pass = "a pass over it begins";

    [Fact]
    public void Routers_start_with_as_many_passes_as_ever_while_others_change_the_node()
    {
        const int count = 100;
        WriteRouters(count);
        using var isReady = new ManualResetEventSlim();
        var others = new Thread(() =>
        {
            for (int i = 0; i < 500 && !isReady.IsSet; i++)
            {
                Lab.Node.Ip(i % 2 == 0 ? "link add cali0 type veth peer name cali1" : "link delete cali0");
            }
        });
        others.Start();
        AgentProcess agent = StartCounting();
        isReady.Set();
        others.Join();

        Eventually.True("all to be active", () => agent.Status == $"{count} routers active", otherwise: () => agent.Log);

        // One builds it. The kernel tells some of what it does a moment later: the carrier of new links, IPv6 addresses.
        Assert.InRange(Passes(agent), count, count * 4);
    }

    [Fact]
    public void Flapping_route_and_links_that_come_and_go_make_no_router_pass()
    {
        const int count = 20;
        WriteRouters(count);
        AgentProcess agent = StartCounting();
        Eventually.True("all to be active", () => agent.Status == $"{count} routers active", otherwise: () => agent.Log);
        WaitForQuiet(agent);
        int before = Passes(agent);

        for (int i = 0; i < 100; i++)
        {
            Lab.Node.Ip($"route {(i % 2 == 0 ? "add" : "delete")} 10.77.0.0/16 via {EgressLab.NeighbourAddress}");
            Thread.Sleep(50);
        }

        for (int i = 0; i < 150; i++)
        {
            Lab.Node.Ip("link add cali0 type veth peer name cali1");
            Lab.Node.Ip("address add 10.78.0.1/24 dev cali0");
            Lab.Node.Ip("link set cali0 up");
            Lab.Node.Ip("route add 10.79.0.0/16 via 10.78.0.2 dev cali0");
            Lab.Node.Ip("link delete cali0");
        }

        // Every router has looked at itself once a minute; nothing else made one pass.
        Lab.Node.Ip("link set eth0 mtu 1400");
        Eventually.True("the one change that concerns them", () => Passes(agent) >= before + count);
        WaitForQuiet(agent);
        Assert.InRange(Passes(agent), before + count, before + (count * 4));
    }

    private void WriteRouters(int count)
    {
        for (int i = 0; i < count; i++)
        {
            Files.Write($"r{i}.yaml", $"{RouterDocument.Web($"r{i}", $"192.168.12.{100 + i}/24")}");
        }
    }

    private AgentProcess StartCounting() => Lab.StartAgent(Files, null, "env", "DEBUG_INVOCATION=1");

    private static int Passes(AgentProcess agent) => agent.Log.Split(Pass).Length - 1;

    // The second announcement comes two seconds after the first.
    private static void WaitForQuiet(AgentProcess agent)
    {
        int last = -1;
        Eventually.True("no pass for three seconds", () =>
        {
            int before = last;
            last = Passes(agent);
            Thread.Sleep(before == last ? 0 : 3000);
            return before == last;
        });
    }
}
