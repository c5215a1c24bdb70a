using System.Net.Sockets;
using System.Text;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>A service manager that keeps the relay's sockets: while the agent restarts clients wait, and none is refused.</summary>
public sealed class RelayRestartTests : AgentTest
{
    public RelayRestartTests()
        : base("relay") => Scenario.Kept = Kept;

    private KeptDescriptors Kept { get; } = new();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Clients_that_come_while_no_agent_runs_are_served_by_the_next(bool killed)
    {
        (AgentProcess agent, _, string inside) = StartWithWebRouter(RouterDocument.Web("web").Rule(80, "10.0.0.99", 80, "UDP"));
        End(agent, killed);
        using Socket stream = Lab.Node.OpenTcp(inside, 8080);
        using Socket datagrams = OpenUdp(inside, 80);
        stream.Send("hello"u8);
        datagrams.Send("who am I"u8);
        Assert.False(stream.Poll(0, SelectMode.SelectRead));

        Scenario.StartAgent();

        Assert.StartsWith(EgressLab.ReservedAddress, ReadSome(stream));
        Assert.StartsWith(EgressLab.ReservedAddress, ReadSome(datagrams));
    }

    [Fact]
    public void Fallback_takes_whatever_comes_while_no_agent_runs()
    {
        (AgentProcess agent, _, string inside) = StartWithWebRouter(RouterDocument.Web("web") with { FallbackIP = "10.0.0.99" });

        // So that the port has a socket of its own, which goes with the agent.
        Assert.Equal(ProbeOutcome.Answered, Lab.Node.ProbeUdp(inside, 80).Outcome);
        agent.Stop();
        using Socket datagrams = OpenUdp(inside, 80);
        datagrams.Send("who am I"u8);

        Scenario.StartAgent();

        Assert.StartsWith(EgressLab.ReservedAddress, ReadSome(datagrams));
    }

    [Fact]
    public void Restarts_refuse_and_reset_nobody()
    {
        (AgentProcess agent, _, string inside) = StartWithWebRouter();
        IReadOnlyList<string> names = WaitForKept("/steering");
        using ConnectLoop clients = ConnectLoop.Start(Lab.Node, inside, 8080, threads: 4);
        clients.WaitForConnections(50);
        for (int restart = 0; restart < 3; restart++)
        {
            Assert.Equal(0, agent.Stop());
            agent = Scenario.StartAgent();
            clients.WaitForConnections(50);
        }

        Eventually.Holds(() => Assert.Equal(names.Order(), Kept.Names.Order()));
    }

    [Fact]
    public void Rule_that_went_while_no_agent_ran_is_refused_by_the_next_and_nothing_of_it_is_kept()
    {
        (AgentProcess agent, _, string inside) = StartWithWebRouter(
            RouterDocument.Web("web").Tcp(8443, "203.0.113.27", 443).Rule(80, "10.0.0.99", 80, "UDP"));
        WaitForKept("/udp4/80");
        agent.Stop();
        using Socket waiting = Lab.Node.OpenTcp(inside, 8443);
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}");

        Scenario.StartAgent();

        Assert.Equal(SocketError.ConnectionReset, Assert.Throws<SocketException>(() => ReadSome(waiting)).SocketErrorCode);
        WaitForRefusal(Lab.Node, inside, 8443);
        Eventually.Holds(() => Assert.Equal(ProbeOutcome.Refused, Lab.Node.ProbeUdp(inside, 80).Outcome));
        Eventually.Holds(() => Assert.DoesNotContain(Kept.Names, name => name.Contains("udp4", StringComparison.Ordinal)));
        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
    }

    [Fact]
    public void Removed_router_leaves_nothing_kept()
    {
        (AgentProcess agent, ObservedRouter router, _) = StartWithWebRouter();
        WaitForKept("/steering");

        Files.Delete("web.yaml");

        Eventually.Holds(() => Assert.Empty(Kept.Names));
        Eventually.True("the router to go", () => !router.Exists);
        Assert.Equal(0, agent.Stop());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_was_kept_for_a_router_that_went_while_no_agent_ran_is_closed(bool comesBack)
    {
        (AgentProcess agent, _, string inside) = StartWithWebRouter();
        agent.Stop();
        IReadOnlyList<string> former = Kept.Names;
        Command.Check("ip", "netns", "del", "egress.default.web");
        if (!comesBack)
        {
            Files.Delete("web.yaml");
            Files.WriteNone();
        }

        Scenario.StartAgent();

        Eventually.Holds(() => Assert.Empty(Kept.Names.Intersect(former)));
        if (comesBack)
        {
            WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
            WaitForKept("/steering");
        }
    }

    [Fact]
    public void Switch_to_the_kernel_datapath_leaves_nothing_of_the_relay_kept()
    {
        (_, _, string inside) = StartWithWebRouter();
        WaitForKept("/steering");

        Files.Write("web.yaml", $"{RouterDocument.Web("web") with { Datapath = "kernel" }}");

        Eventually.Holds(() => Assert.DoesNotContain(Kept.Names, name => name.StartsWith("relay/", StringComparison.Ordinal)));
        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
    }

    private IReadOnlyList<string> WaitForKept(string name)
    {
        Eventually.True($"{name} to be kept", () => Kept.Names.Any(kept => kept.EndsWith(name, StringComparison.Ordinal)));
        return Kept.Names;
    }

    private static void End(AgentProcess agent, bool killed)
    {
        if (killed)
        {
            agent.Kill();
        }
        else
        {
            Assert.Equal(0, agent.Stop());
        }
    }

    private Socket OpenUdp(string address, int port)
    {
        Socket socket = Lab.Node.CreateSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Connect(address, port);
        socket.ReceiveTimeout = (int)Eventually.DefaultDeadline.TotalMilliseconds;
        return socket;
    }

    private static string ReadSome(Socket socket)
    {
        byte[] buffer = new byte[256];
        socket.ReceiveTimeout = (int)Eventually.DefaultDeadline.TotalMilliseconds;
        return Encoding.ASCII.GetString(buffer, 0, socket.Receive(buffer));
    }
}
