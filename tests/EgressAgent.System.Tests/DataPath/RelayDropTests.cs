using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>Datagrams that come while the relay takes none fill its socket, and the kernel drops the rest. That is told, and when it is over.</summary>
public sealed class RelayDropTests
{
    private const string Series = "egress_router_dropped_total{router_namespace=\"default\",router=\"web\",reason=\"receive_buffer\"}";

    // Their memory is more than twice the 16 MiB that a socket of the relay may hold.
    private const int Datagrams = 20_000;
    private const int Size = 1400;

    [Fact]
    public void Datagrams_that_a_hanging_relay_has_no_room_for_are_counted_over_a_kill_and_told()
    {
        using DataPathLab lab = new("relay");
        lab.Files.Configure("metrics: {listen: 127.0.0.1:9817}");
        ObservedRouter router = lab.Apply("web", """
            addresses: [ { ip: 192.168.12.99/24 } ], redirect: { redirectRules: [ { destinationIP: 203.0.113.27, port: 5353, protocol: UDP } ] }
            """);
        using NetworkNamespace netns = NetworkNamespace.TryOpen(router.NetworkNamespace)!;
        using Socket client = lab.Client.CreateSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp, _ => { });
        lab.Agent.Suspend();
        for (int sent = 0; sent < Datagrams; sent++)
        {
            client.SendTo(new byte[Size], new IPEndPoint(IPAddress.Parse(DataPathLab.Inside), 5353));
        }

        Eventually.True("the socket to be full", () => SocketDrops.Read(netns).Datagrams > 0);
        lab.Agent.Resume();

        WaitForWords(lab, "WRN default/web: in force, but [0-9]+ UDP datagrams were dropped, as the relay's sockets were full of earlier ones .*CPUWeight");
        Eventually.True("the status", () => lab.Agent.Status.StartsWith("1 router degraded: default/web: "), otherwise: () => lab.Agent.Status);
        ulong dropped = SocketDrops.Read(netns).Datagrams;
        Eventually.True($"the metrics to say {dropped}", () => ReadMetric(lab) == (long)dropped, otherwise: () => $"{ReadMetric(lab)}");
        WaitForWords(lab, "INF default/web: over: [0-9]+ UDP datagrams were dropped");
        Eventually.True("the status", () => lab.Agent.Status.StartsWith("1 router active"), otherwise: () => lab.Agent.Status);

        lab.EndAgent(isKilled: true);

        Eventually.True("the next agent", () => lab.Agent.Status.StartsWith("1 router active"), otherwise: () => lab.Agent.Status);
        Eventually.True($"the metrics to say {dropped} again", () => ReadMetric(lab) == (long)SocketDrops.Read(netns).Datagrams, otherwise: () => $"{ReadMetric(lab)}");
    }

    // -1 when it is not there.
    private static long ReadMetric(DataPathLab lab)
    {
        lab.Agent.WaitForLog("metrics are served");
        using Socket socket = lab.Node.OpenTcp("127.0.0.1", 9817);
        socket.ReceiveTimeout = (int)Eventually.DefaultDeadline.TotalMilliseconds;
        socket.Send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"u8);
        using NetworkStream stream = new(socket);
        using StreamReader reader = new(stream, Encoding.UTF8);
        string? line = reader.ReadToEnd().Split('\n').FirstOrDefault(line => line.StartsWith(Series + " ", StringComparison.Ordinal));
        return line is null ? -1 : long.Parse(line[(Series.Length + 1)..]);
    }

    // The agent looks every five seconds, and lets two looks go by before it says that something is over.
    private static void WaitForWords(DataPathLab lab, string pattern) =>
        Eventually.True(pattern, () => Regex.IsMatch(lab.Agent.Log, pattern), TimeSpan.FromSeconds(60), () => lab.Agent.Log);
}
