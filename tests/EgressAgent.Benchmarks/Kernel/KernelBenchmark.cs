using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using EgressAgent.Benchmarks.Edits;
using EgressAgent.Benchmarks.Relay;
using WebClient = EgressAgent.Benchmarks.Relay.WebClient;

namespace EgressAgent.Benchmarks.Kernel;

/// <summary>
/// The kernel datapath beside a router made by hand, of a veth pair, a macvlan and one rule of nf_tables each way; and a router of 10,000
/// rules beside one of two. Connections are wrk's to nginx, streams iperf3's; in random order within each round.
/// </summary>
internal static class KernelBenchmark
{
    private const int Clients = 50;
    private const int Seconds = 1;
    private const int StreamPort = 5201;
    private const int Rules = 10_000;
    private const string ByHand = "10.99.0.2";

    internal static int Run(string[] arguments)
    {
        string agent = Path.GetFullPath(arguments[0]);
        int rounds = arguments.Length > 1 ? int.Parse(arguments[1], CultureInfo.InvariantCulture) : 20;
        using EditLab lab = new(agent);
        int[] ports = [LoadPorts.Web, StreamPort];
        lab.Save("one", IPAddress.Parse("192.168.100.1"), ports, isToSamePort: true);
        lab.Save("many", IPAddress.Parse("192.168.100.2"), [.. Enumerable.Range(10_000, Rules - ports.Length), .. ports], isToSamePort: true);
        using AgentRun run = lab.Start();
        lab.RunOnNode(MakeByHand(lab));
        try
        {
            using WebServer web = new(lab.Server, EditLab.ServerAddress);
            using Process streams = BenchmarkLab.Start(lab.Server, "iperf3", "--server", "--port", $"{StreamPort}");
            try
            {
                Measure(lab, rounds);
            }
            finally
            {
                streams.Kill();
                streams.WaitForExit();
            }
        }
        finally
        {
            lab.RunOnNode($"ip netns del {NameByHand(lab)}\n");
        }

        return 0;
    }

    private static void Measure(EditLab lab, int rounds)
    {
        string[] addresses = [EditLab.InsideAddressOf("one"), ByHand, EditLab.InsideAddressOf("many")];
        List<double>[] connections = [.. addresses.Select(_ => new List<double>())];
        List<double>[] streams = [.. addresses.Select(_ => new List<double>())];
        for (int round = 0; round < rounds; round++)
        {
            int[] order = [0, 1, 2];
            Random.Shared.Shuffle(order);
            foreach (int index in order)
            {
                (double count, double seconds) = WebClient.Run(lab.Node, addresses[index], Clients, Seconds);
                connections[index].Add(count / seconds);
            }

            foreach (int index in order)
            {
                streams[index].Add(MegabytesPerSecond(lab, addresses[index]));
            }
        }

        Report.Head("kernel datapath", "router by hand");
        Report.Ratio("TCP stream, MB/s", streams[0], streams[1], Bar.AtLeast(1.0));
        Report.Ratio("connections/s, wrk → nginx", connections[0], connections[1], Bar.AtLeast(0.92));
        Console.WriteLine();
        Report.Head($"{Rules} rules", "2 rules");
        Report.Ratio("TCP stream, MB/s", streams[2], streams[0], Bar.AtLeast(0.98));
        Report.Ratio("connections/s, wrk → nginx", connections[2], connections[0], Bar.AtLeast(0.98));
    }

    private static double MegabytesPerSecond(EditLab lab, string address)
    {
        using Process client = BenchmarkLab.Start(
            lab.Node, "iperf3", "--client", address, "--port", $"{StreamPort}", "--time", $"{Seconds}", "--json");
        string output = client.StandardOutput.ReadToEnd();
        client.WaitForExit();
        using JsonDocument result = JsonDocument.Parse(output);
        return client.ExitCode == 0
            ? result.RootElement.GetProperty("end").GetProperty("sum_received").GetProperty("bits_per_second").GetDouble() / 8e6
            : throw new InvalidOperationException($"iperf3: {output}");
    }

    private static string NameByHand(EditLab lab) => $"{lab.Node}h";

    private static string MakeByHand(EditLab lab) => $$"""
        netns={{NameByHand(lab)}}
        ip netns add $netns
        ip link add hand type veth peer name eth0 netns $netns
        ip link add link eth0 name net1 netns $netns type macvlan mode bridge
        ip -n $netns link set lo up
        ip -n $netns link set eth0 up
        ip -n $netns link set net1 up
        ip -n $netns address add {{ByHand}}/24 dev eth0
        ip -n $netns address add 192.168.100.3/16 dev net1
        ip address add 10.99.0.1/24 dev hand
        ip link set hand up
        ip netns exec $netns sysctl --quiet --write net.ipv4.ip_forward=1
        ip netns exec $netns nft -f - <<END
        table ip nat {
            chain prerouting {
                type nat hook prerouting priority dstnat
                ip daddr {{ByHand}} tcp dport { {{LoadPorts.Web}}, {{StreamPort}} } dnat to {{EditLab.ServerAddress}}
            }
            chain postrouting {
                type nat hook postrouting priority srcnat
                oifname "net1" snat to 192.168.100.3
            }
        }
        END

        """;
}
