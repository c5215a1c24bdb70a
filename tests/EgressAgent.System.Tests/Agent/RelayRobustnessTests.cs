using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary>Peers that stop, and an agent that has too little: whoever is not concerned does not notice.</summary>
public sealed class RelayRobustnessTests() : AgentTest("relay")
{
    private const int Megabyte = 1 << 20;

    // What a relay may grow by while a peer does not read: its buffers are bounded, and the rest waits at the sender.
    private const long ToleratedGrowth = 64 * Megabyte;

    [Fact]
    public void Client_that_is_stopped_holds_its_server_up_and_nobody_else()
    {
        (AgentProcess agent, _, string inside) = StartWithWebRouter(RouterDocument.Web("web").Tcp(9000, "203.0.113.27", 9000));
        using ByteStream server = ByteStream.Serve(Lab.SecureWeb, "203.0.113.27", 9000);
        using EchoedTransfer other = EchoedTransfer.Start(Lab.Node, inside, 8080);
        Process client = Lab.Node.Start("bash", "-c", $"exec 3<>/dev/tcp/{inside}/9000 && exec cat <&3 >/dev/null");
        server.WaitForBytes(16 * Megabyte);
        long resident = agent.ResidentBytes();

        client.Stop();
        server.WaitForStandstill();

        AssertNobodyElseSuffers(agent, resident, other, inside);

        client.Continue();
        server.WaitForBytes(16 * Megabyte);
    }

    [Fact]
    public void Server_that_is_stopped_holds_its_client_up_and_nobody_else_and_loses_nothing()
    {
        const string count = """
            use IO::Socket::INET;
            my $listener = IO::Socket::INET->new(LocalAddr => "203.0.113.27", LocalPort => 9000, Listen => 1) or die $!;
            $| = 1;
            print "ready\n";
            my ($client, $bytes) = ($listener->accept(), 0);
            while (my $read = sysread($client, my $buffer, 65536)) { $bytes += $read; }
            print "$bytes\n";
            """;
        (AgentProcess agent, _, string inside) = StartWithWebRouter(RouterDocument.Web("web").Tcp(9000, "203.0.113.27", 9000));
        Process server = Lab.SecureWeb.Start("perl", "-e", count);
        Assert.Equal("ready", server.StandardOutput.ReadLine());
        using EchoedTransfer other = EchoedTransfer.Start(Lab.Node, inside, 8080);
        using ByteStream client = ByteStream.Connect(Lab.Node, inside, 9000);
        client.WaitForBytes(16 * Megabyte);
        long resident = agent.ResidentBytes();

        server.Stop();
        client.WaitForStandstill();

        AssertNobodyElseSuffers(agent, resident, other, inside);

        server.Continue();
        client.WaitForBytes(16 * Megabyte);
        Assert.Equal($"{client.Finish()}", server.StandardOutput.ReadLine());
    }

    [Fact]
    public void Out_of_descriptors_the_agent_says_so_established_connections_go_on_and_others_wait()
    {
        // Of the first 1024, three quarters are the agent's own.
        Files.Write("web.yaml", $"{RouterDocument.Web("web")}");
        AgentProcess agent = Scenario.StartAgent("prlimit", "--nofile=1100:1100");
        string inside = new ObservedRouter("web").WaitForInsideAddress(agent);
        WaitForTcp(Lab.Node, inside, 8080, "203.0.113.26:80");
        using EchoedTransfer established = EchoedTransfer.Start(Lab.Node, inside, 8080);

        List<Socket> served = [];
        while (served.Count < 50)
        {
            Socket client = Lab.Node.OpenTcp(inside, 8080);
            Assert.True(IsGreeted(client));
            served.Add(client);
        }

        List<Socket> others = [.. Enumerable.Range(0, 120).Select(_ => Lab.Node.OpenTcp(inside, 8080))];
        Eventually.True("the status to tell", () => agent.Status.Contains("all 1100 descriptors"), otherwise: () => agent.Status);

        agent.WaitForLog("in force, but all 1100 descriptors");
        established.WaitForBlocks(100);
        Files.Write("web.yaml", $"{RouterDocument.Web("web").Tcp(8443, "203.0.113.27", 443)}");
        agent.WaitForLog("in force, 2 rules");
        established.WaitForBlocks(100);

        // Each that goes makes room for another.
        served.ForEach(client => client.Close());
        foreach (Socket client in others)
        {
            Assert.True(IsGreeted(client));
            client.Close();
        }

        Eventually.True("the status to be well", () => agent.Status.StartsWith("1 router active at ", StringComparison.Ordinal), TimeSpan.FromSeconds(30), () => agent.Status);
        established.WaitForBlocks(100);
        Assert.Equal("203.0.113.27:443", Lab.Node.ProbeTcp(inside, 8443).SeenTarget);
    }

    private void AssertNobodyElseSuffers(AgentProcess agent, long residentBefore, EchoedTransfer other, string inside)
    {
        Assert.InRange(agent.ResidentBytes() - residentBefore, long.MinValue, ToleratedGrowth);
        other.WaitForBlocks(100);
        Assert.Equal(EgressLab.ReservedAddress, Lab.Node.ProbeTcp(inside, 8080).SeenSource);
    }

    private static bool IsGreeted(Socket client)
    {
        byte[] buffer = new byte[256];
        client.ReceiveTimeout = (int)Eventually.DefaultDeadline.TotalMilliseconds;
        return Encoding.ASCII.GetString(buffer, 0, client.Receive(buffer)).StartsWith(EgressLab.ReservedAddress, StringComparison.Ordinal);
    }
}
