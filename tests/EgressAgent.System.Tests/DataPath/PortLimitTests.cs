using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>Each destination takes one connection for each port of the reserved address. That they are used up is told, and when it is over.</summary>
public sealed class PortLimitTests
{
    private const string Metrics = "metrics: {listen: 127.0.0.1:9817}";

    private const string Router = """
        addresses: [ { ip: 192.168.12.99/24 } ], redirect: { redirectRules: [
          { destinationIP: 203.0.113.26, port: 80, protocol: TCP }, { destinationIP: 203.0.113.27, port: 5353, protocol: UDP } ] }
        """;

    [Fact]
    public void Kernel_datapath_tells_that_no_port_is_left()
    {
        using DataPathLab lab = new();
        lab.Files.Configure(Metrics);

        // So that the first is there with the last, however slow the machine.
        lab.Node.Check("sysctl", "-qw", "net.netfilter.nf_conntrack_udp_timeout=300");
        ObservedRouter router = lab.Apply("web", Router);
        using Socket silent = lab.Server.CreateSocket(
            AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp, socket => socket.Bind(new IPEndPoint(IPAddress.Parse(DataPathLab.OtherWeb), 5353)));
        using NetworkNamespace netns = NetworkNamespace.TryOpen(router.NetworkNamespace)!;
        using ConntrackTable table = ConntrackTable.Open(netns);
        using (Socket client = lab.Client.CreateRawSocket(17))
        {
            for (int port = 1024; port < 65536; port++)
            {
                SendFrom(client, (ushort)port);
            }
        }

        Assert.InRange(table.ReadSize().Entries, 64_000u, 65_000u);
        Assert.Equal(0u, table.ReadStatistics().InsertFailed);
        using (Socket other = lab.Overlapping.CreateRawSocket(17))
        {
            for (int port = 40000; port < 40020; port++)
            {
                SendFrom(other, (ushort)port);
            }
        }

        WaitForWords(lab, "WRN default/web: in force, but [0-9]+ packets of new connections were dropped, as no source port is left: 64[0-9]{3} of the 64512 ports of "
            + "192.168.12.99 are in use towards 203.0.113.27:5353/UDP; .*a second router.*nf_conntrack_udp_timeout");
        Eventually.True("the status", () => lab.Agent.Status.StartsWith("1 router degraded: default/web: "), otherwise: () => lab.Agent.Status);
        uint failed = table.ReadStatistics().InsertFailed;
        Assert.NotEqual(0u, failed);
        Eventually.True(
            $"the metrics to say {failed}",
            () => ReadMetric(lab, "egress_router_port_allocation_failures_total{router_namespace=\"default\",router=\"web\"}") == failed
                && ReadMetric(lab, "egress_router_refused_total{router_namespace=\"default\",router=\"web\",reason=\"limit\"}") == failed);

        table.Flush();

        WaitForWords(lab, "INF default/web: over: .*no source port is left");
        Eventually.True("the status", () => lab.Agent.Status.StartsWith("1 router active"), otherwise: () => lab.Agent.Status);
    }

    [Fact]
    public void Relay_tells_that_no_port_is_left_and_uses_one_again_a_moment_after_its_connection()
    {
        using DataPathLab lab = new("relay");
        lab.Files.Configure(Metrics);
        lab.Server.ServeTcp(DataPathLab.Web, 80);
        lab.Node.Check("sysctl", "-qw", "net.ipv4.ip_local_port_range=40000 40009");
        lab.Apply("web", Router);
        List<Socket> clients = [];
        SocketException refusal = Assert.Throws<SocketException>(() =>
        {
            while (clients.Count < 11)
            {
                clients.Add(Greeted(lab));
            }
        });
        Assert.Equal(SocketError.ConnectionReset, refusal.SocketErrorCode);

        // The relay's own listener may have one of them.
        Assert.InRange(clients.Count, 9, 10);

        WaitForWords(lab, @"WRN default/web: in force, but no source port is left for 203.0.113.26:80/TCP: all 10 of 192.168.12.99 "
            + @"\(net.ipv4.ip_local_port_range: 40000 to 40009\) are in use.*a second router.*sysctl -w net.ipv4.ip_local_port_range=""1024 65535""");
        Eventually.True("the status", () => lab.Agent.Status.StartsWith("1 router degraded: default/web: no source port"), otherwise: () => lab.Agent.Status);

        Eventually.True(
            "the metrics to say one",
            () => ReadMetric(lab, "egress_router_port_allocation_failures_total{router_namespace=\"default\",router=\"web\"}") == 1
                && ReadMetric(lab, "egress_router_refused_total{router_namespace=\"default\",router=\"web\",reason=\"limit\"}") == 1);

        // The router's side ends each of them first, and has it in TIME-WAIT for a minute.
        clients.ForEach(client => client.Dispose());
        Eventually.True(
            "ten connections again", () => lab.Client.ProbeTcp(DataPathLab.Inside, 80).Outcome == ProbeOutcome.Answered, TimeSpan.FromSeconds(5), () => lab.Agent.Log);
        WaitForWords(lab, "INF default/web: over: no source port is left");
        Eventually.True("the status", () => lab.Agent.Status.StartsWith("1 router active"), otherwise: () => lab.Agent.Status);
    }

    private static Socket Greeted(DataPathLab lab)
    {
        Socket client = lab.Client.OpenTcp(DataPathLab.Inside, 80);
        Assert.NotEqual(0, client.Receive(new byte[256]));
        return client;
    }

    private static void SendFrom(Socket socket, ushort port)
    {
        Span<byte> datagram = stackalloc byte[9];
        BinaryPrimitives.WriteUInt16BigEndian(datagram, port);
        BinaryPrimitives.WriteUInt16BigEndian(datagram[2..], 5353);
        BinaryPrimitives.WriteUInt16BigEndian(datagram[4..], 9);
        socket.SendTo(datagram, new IPEndPoint(IPAddress.Parse(DataPathLab.Inside), 0));
    }

    // -1 when it is not there.
    private static long ReadMetric(DataPathLab lab, string series)
    {
        using Socket socket = lab.Node.OpenTcp("127.0.0.1", 9817);
        socket.ReceiveTimeout = (int)Eventually.DefaultDeadline.TotalMilliseconds;
        socket.Send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"u8);
        using NetworkStream stream = new(socket);
        using StreamReader reader = new(stream, Encoding.UTF8);
        string? line = reader.ReadToEnd().Split('\n').FirstOrDefault(line => line.StartsWith(series + " ", StringComparison.Ordinal));
        return line is null ? -1 : long.Parse(line[(series.Length + 1)..]);
    }

    // The agent looks every ten seconds, and lets two looks go by before it says that something is over.
    private static void WaitForWords(DataPathLab lab, string pattern) =>
        Eventually.True(pattern, () => Regex.IsMatch(lab.Agent.Log, pattern), TimeSpan.FromSeconds(60), () => lab.Agent.Log);
}
