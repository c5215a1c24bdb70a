using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Bus;

/// <summary>What the bus shows of a rule is what the network saw, while flows live and when they have ended.</summary>
public abstract class CounterTests : BusTest
{
    private const int Datagrams = 50;
    private const int DatagramBytes = 500;
    private const int SinkPort = 9090;

    // What a packet has around its payload: IPv4 and UDP.
    private const int UdpHeaderBytes = 28;

    private readonly bool _countsHeaders;

    protected CounterTests(string datapath)
        : base(datapath) => _countsHeaders = datapath == "kernel";

    [Fact]
    public void Udp_counts_are_those_of_the_network()
    {
        string inside = StartRouter();
        using Socket client = Lab.Node.CreateSocket(
            AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp, socket => socket.Connect(IPAddress.Parse(inside), 80));
        ulong answers = 0;
        for (int i = 0; i < Datagrams; i++)
        {
            answers += Ask(client);
        }

        ulong headers = _countsHeaders ? 2UL * Datagrams * UdpHeaderBytes : 0;
        WaitForRule("UDP", connections: 1, bytes: (Datagrams * DatagramBytes) + answers + headers);

        EndFlows();

        WaitForRule("UDP", connections: 1, bytes: (Datagrams * DatagramBytes) + answers + headers);
        answers = Ask(client) + answers;
        headers += _countsHeaders ? 2UL * UdpHeaderBytes : 0;
        WaitForRule("UDP", connections: _countsHeaders ? 2 : 1, bytes: ((Datagrams + 1) * DatagramBytes) + answers + headers);
    }

    [Fact]
    public void Flows_that_end_while_nobody_reads_are_counted()
    {
        string inside = StartRouter();
        ulong answers = 0;
        for (int i = 0; i < 20; i++)
        {
            using Socket client = Lab.Node.CreateSocket(
                AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp, socket => socket.Connect(IPAddress.Parse(inside), 80));
            answers += Ask(client);
        }

        EndFlows();

        WaitForRule("UDP", connections: 20, bytes: (20 * DatagramBytes) + answers + (_countsHeaders ? 20 * 2UL * UdpHeaderBytes : 0));
    }

    [Fact]
    public void Tcp_counts_are_those_of_the_network()
    {
        string inside = StartRouter();
        CountPackets(inside);
        ulong payload = 0;
        for (int i = 1; i <= 3; i++)
        {
            using Socket client = Lab.Node.OpenTcp(inside, 8080);
            payload += Echo(client, 100_000 * i);
            WaitForRule("TCP", connections: i, bytes: _countsHeaders ? CountedBytes() : payload);
            client.Shutdown(SocketShutdown.Both);
        }

        Eventually.True("the relay to see the ends", () => Busctl.Check("call", Service, PathOf("web"), RouterInterface, "ListFlows") is var flows && (_countsHeaders || flows.EndsWith(" 0")));
        EndFlows();

        WaitForRule("TCP", connections: 3, bytes: _countsHeaders ? CountedBytes() : payload);
        Eventually.True("no flow to be listed", () => Busctl.Check("call", Service, PathOf("web"), RouterInterface, "ListFlows") == "a(ssssstt) 0");
    }

    [Fact]
    public void Gigabyte_moves_its_counter_while_it_is_on_its_way()
    {
        const ulong Gigabyte = 1_000_000_000;
        TimeSpan duration = TimeSpan.FromSeconds(12);
        using Socket listener = Lab.Web.CreateSocket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp, socket =>
        {
            socket.Bind(new IPEndPoint(IPAddress.Parse("203.0.113.26"), 90));
            socket.Listen();
        });
        string inside = StartRouter();
        using Socket client = Lab.Node.OpenTcp(inside, SinkPort);
        using Socket server = listener.Accept();
        ulong received = 0;
        Thread sink = new(() =>
        {
            byte[] buffer = new byte[1 << 20];
            while (server.Receive(buffer) is > 0 and var length)
            {
                received += (ulong)length;
            }
        });
        sink.Start();
        List<ulong> seen = [];
        byte[] block = new byte[1_000_000];
        Stopwatch clock = Stopwatch.StartNew();
        for (ulong sent = 0; sent < Gigabyte; sent += (ulong)client.Send(block))
        {
            if (clock.Elapsed > TimeSpan.FromMilliseconds(500) * seen.Count)
            {
                seen.Add(BytesOf(SinkPort));
            }

            while (clock.Elapsed < duration * sent / Gigabyte)
            {
                Thread.Sleep(1);
            }
        }

        client.Shutdown(SocketShutdown.Send);
        sink.Join();
        Assert.Equal(Gigabyte, received);
        Assert.Equal(seen.Order(), seen);
        Assert.True(seen.Where(bytes => bytes is > 0 and < Gigabyte).Distinct().Count() >= 2, string.Join(' ', seen));
        Eventually.True(
            "all of it to be counted",
            () => BytesOf(SinkPort) is var bytes && (_countsHeaders ? bytes > Gigabyte : bytes == Gigabyte),
            otherwise: () => Property("web", "Rules"));
    }

    private string StartRouter()
    {
        Files.Write("web.yaml", $"{RouterDocument.Web("web").Rule(80, "10.0.0.99", 80, "UDP").Tcp(SinkPort, "203.0.113.26", 90)}");
        AgentProcess agent = StartAgent();
        WaitForState("web", "active");
        return new ObservedRouter("web").WaitForInsideAddress(agent);
    }

    private static ulong Ask(Socket client)
    {
        client.ReceiveTimeout = (int)Eventually.DefaultDeadline.TotalMilliseconds;
        client.Send(new byte[DatagramBytes]);
        return (ulong)client.Receive(new byte[DatagramBytes]);
    }

    private static ulong Echo(Socket client, int bytes)
    {
        byte[] buffer = new byte[64 * 1024];
        ulong greeting = 0;
        while (client.Receive(buffer, 1, SocketFlags.None) == 1)
        {
            greeting++;
            if (buffer[0] == '\n')
            {
                break;
            }
        }

        for (int sent = 0; sent < bytes;)
        {
            int part = client.Send(buffer.AsSpan(0, Math.Min(10_000, bytes - sent)));
            sent += part;
            for (int received = 0; received < part;)
            {
                received += client.Receive(buffer, part - received, SocketFlags.None);
            }
        }

        return greeting + (2 * (ulong)bytes);
    }

    // The node's own count of what it exchanges with the router, packet by packet.
    private void CountPackets(string inside) => Lab.Node.Check("nft", $$"""
        table ip count {
          chain out { type filter hook output priority 0; ip daddr {{inside}} tcp dport 8080 counter comment "out"; }
          chain in { type filter hook input priority 0; ip saddr {{inside}} tcp sport 8080 counter comment "in"; }
        }
        """);

    private ulong CountedBytes() => Lab.Node.Check("nft", "list", "table", "ip", "count").Split('\n')
        .Where(line => line.Contains(" bytes "))
        .Aggregate(0UL, (sum, line) => sum + ulong.Parse(line.Split(" bytes ")[1].Split(' ')[0]));

    // As by their timeouts, which are minutes.
    private static void EndFlows() => Command.Check("nsenter", "--net=/run/netns/egress.default.web", "--", "conntrack", "--flush");

    private ulong BytesOf(int port)
    {
        string[] words = Property("web", "Rules").Split(' ');
        return ulong.Parse(words[Array.IndexOf(words, $"{port}") + 4]);
    }

    // Rules: a(sqsqtt)
    private void WaitForRule(string protocol, int connections, ulong bytes)
    {
        string expected = $"{connections} {bytes}";
        Eventually.True(
            $"the counts {expected}",
            () =>
            {
                string[] words = Property("web", "Rules").Split(' ');
                int rule = Array.IndexOf(words, $"\"{protocol}\"");
                return rule > 0 && $"{words[rule + 4]} {words[rule + 5]}" == expected;
            },
            otherwise: () => Property("web", "Rules"));
    }
}

public sealed class KernelCounterTests() : CounterTests("kernel");

public sealed class RelayCounterTests() : CounterTests("relay");
