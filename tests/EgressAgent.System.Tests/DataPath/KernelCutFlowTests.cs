using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

public sealed class KernelCutFlowTests(DataPathTest.Fixture fixture) : CutFlowTests(fixture)
{
    // A packet is redirected when it comes, and is known to connection tracking when it leaves, which here is a tenth of a second later.
    [Fact]
    public void Packet_that_is_under_way_while_its_rule_goes_begins_no_flow()
    {
        ObservedRouter router = Lab.Apply("web", Spec($"{Kept}, {{ destinationIP: {DataPathLab.OtherWeb}, port: 8443, protocol: TCP }}"));
        Run(router, "sh", "-c", $"nft -f - <<'END'\n{Slow($"ip daddr {DataPathLab.OtherWeb}")}\nEND");
        bool isStopping = false;
        PhysicalAddress node = Lab.Node.MacOf("client");
        Thread client = new(() =>
        {
            using FrameSender sender = Lab.Client.SendFrames("eth0");
            for (int port = 40_000; !Volatile.Read(ref isStopping); port++)
            {
                sender.TrySend(Frame.Tcp(sender.Mac, node, IPAddress.Parse("10.88.0.2"), port, IPAddress.Parse(DataPathLab.Inside), 8443));
            }
        });
        using LanAudit lan = new(Lab);
        client.Start();
        try
        {
            Eventually.True("a flow", () => Flows(router).Length > 0);

            Lab.Apply("web", Spec(Kept));

            lan.Clear();
        }
        finally
        {
            Volatile.Write(ref isStopping, true);
            client.Join();
        }

        Assert.Empty(Flows(router));
        Assert.DoesNotContain(lan.Packets, packet => $"{packet.Destination}" == DataPathLab.OtherWeb);
    }

    private static string[] Flows(ObservedRouter router) =>
        [.. Run(router, "conntrack", "-L").Split('\n').Where(flow => flow.Contains($"src={DataPathLab.OtherWeb} "))];

    // Some millions of rules that do not match.
    private static string Slow(string match) => $$"""
        table inet slow {
            chain leaf { {{string.Concat(Enumerable.Repeat("meta mark 0x12345678 accept; ", 500))}} }
            chain branch { {{string.Concat(Enumerable.Repeat("jump leaf; ", 100))}} }
            chain trunk { {{string.Concat(Enumerable.Repeat("jump branch; ", 150))}} }
            chain forward { type filter hook forward priority 10; {{match}} jump trunk; }
        }
        """;
}
