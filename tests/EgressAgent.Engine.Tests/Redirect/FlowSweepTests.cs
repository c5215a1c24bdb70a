using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Redirect;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Testing;

namespace EgressAgent.Engine.Tests.Redirect;

// In a real kernel's connection tracking.
public sealed class FlowSweepTests : IDisposable
{
    private const int Ports = 2000;

    private readonly ScratchNamespace _scratch = ScratchNamespace.Create();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void Clients_that_begin_flows_as_fast_as_they_are_cut_do_not_keep_a_sweep_busy()
    {
        Exec("ip", "link", "set", "lo", "up");
        Exec("nft", "add table inet tracked; add chain inet tracked output { type filter hook output priority 0; }; add rule inet tracked output ct state new");
        bool isStopping = false;
        using Socket socket = _scratch.Namespace.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        Thread client = new(() =>
        {
            // Not for ever: a sweep that goes on as long as there are flows has to end too.
            for (int i = 0; i < 1000 * Ports && !Volatile.Read(ref isStopping); i++)
            {
                socket.SendTo("hello"u8, new IPEndPoint(IPAddress.Loopback, 1 + (i % Ports)));
            }
        });
        client.Start();
        List<bool> ends = [];
        try
        {
            Eventually.True("flows", () => Exec("sysctl", "--values", "net.netfilter.nf_conntrack_count").Trim() == $"{Ports}");

            Assert.True(FlowSweep.Run(_scratch.Namespace, _ => false, (_, areForgotten) => ends.Add(areForgotten)));

            Assert.True(client.IsAlive, "the client had sent all that it sends at most");
        }
        finally
        {
            Volatile.Write(ref isStopping, true);
            client.Join();
        }

        // Each look ends what it has found, and what both have found is ended once more.
        Assert.Equal([false, false, true], ends);
    }

    private string Exec(params IReadOnlyList<string> words) => Command.Check(["nsenter", $"--net=/run/netns/{_scratch.Name}", "--", .. words]);
}
