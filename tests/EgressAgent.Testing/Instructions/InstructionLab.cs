using System.Diagnostics;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Testing.Lab;

namespace EgressAgent.Testing.Instructions;

/// <summary>
/// Counts what traffic through routers takes, in a virtual machine in which time is the number of instructions (see tests/vm). The node is
/// the client, and a cable leads from it to the server, so that little but the routers is counted.
/// </summary>
public sealed class InstructionLab : IDisposable
{
    internal const string ServerAddress = "192.168.12.1";

    private const string Network = "/24";

    private readonly NetnsLab _lab = new();
    private readonly AgentFiles _files = new();
    private readonly LabHost _node;
    private readonly LabHost _server;
    private readonly AgentProcess _agent;
    private readonly NetworkNamespace _clientSide;
    private readonly NetworkNamespace _serverSide;
    private readonly Dictionary<CountedRouter, TrafficPair> _pairs = [];

    /// <summary>Builds the routers and starts the agent, and has seen all of them forward when it returns.</summary>
    public InstructionLab()
    {
        _node = _lab.AddHost("node");
        _server = _lab.AddHost("server");
        _node.ConnectTo(_server, "eth0", "eth0");
        _node.AddAddress("eth0", "192.168.12.10" + Network);
        _server.AddAddress("eth0", ServerAddress + Network);
        MakeByHand(CountedRouter.ByHand);
        foreach ((CountedRouter router, int number) in CountedRouter.OfAgent.Select((router, number) => (router, number)))
        {
            _files.Write($"counted{number}.yaml", Document(router, number));
        }

        _files.Configure("addressConflictDetection: false");
        _agent = _lab.Own(AgentProcess.Start(_node, _files));
        _clientSide = NetworkNamespace.OpenPath(_node.NamespacePath);
        _serverSide = NetworkNamespace.OpenPath(_server.NamespacePath);
        foreach (CountedRouter router in (CountedRouter[])[CountedRouter.ByHand, .. CountedRouter.OfAgent])
        {
            _pairs.Add(router, new TrafficPair(_clientSide, _serverSide, router));
        }
    }

    /// <summary>How many instructions each kind of traffic takes by each router, for one unit: the medians of several rounds.</summary>
    public IReadOnlyDictionary<(CountedTraffic Traffic, CountedRouter Router), double> Count(int rounds)
    {
        Dictionary<(CountedTraffic, CountedRouter), List<double>> samples = [];
        for (int round = -1; round < rounds; round++)
        {
            foreach (CountedTraffic traffic in CountedTraffic.All)
            {
                foreach ((CountedRouter router, TrafficPair pair) in round % 2 == 0 ? _pairs : _pairs.Reverse())
                {
                    long start = Stopwatch.GetTimestamp();
                    traffic.Send(pair, traffic.Count);
                    double each = Stopwatch.GetElapsedTime(start).TotalNanoseconds / traffic.Count;

                    // What is done once, in the first round, by the kernel and by the runtime here, is nobody's share.
                    if (round >= 0)
                    {
                        samples.TryAdd((traffic, router), []);
                        samples[(traffic, router)].Add(each);
                    }
                }
            }
        }

        return samples.ToDictionary(sample => sample.Key, sample => sample.Value.Order().ElementAt(sample.Value.Count / 2));
    }

    public void Dispose()
    {
        foreach (TrafficPair pair in _pairs.Values)
        {
            pair.Dispose();
        }

        _clientSide.Dispose();
        _serverSide.Dispose();
        _agent.Stop();
        _node.Run(Repository.AgentBinary, "cleanup", "--state", _files.State);
        Command.Run("ip", "netns", "del", NameByHand);
        _lab.Dispose();
        _files.Dispose();
    }

    private string NameByHand => _node.Namespace + "-router";

    private static string Document(CountedRouter router, int number) => $$"""
        apiVersion: network.operator.openshift.io/v1
        kind: EgressRouter
        metadata: { name: counted{{number}}, annotations: { egressagent.org/inside-address: "{{router.Inside}}"{{router.Annotations}} } }
        spec:
          addresses: [ { ip: "{{router.Reserved}}{{Network}}", gateway: "{{ServerAddress}}" } ]
          redirect:
            redirectRules:
            - { destinationIP: {{ServerAddress}}, port: {{router.Port}}, protocol: TCP }
            - { destinationIP: {{ServerAddress}}, port: {{router.Port}}, protocol: UDP }
        """;

    private void MakeByHand(CountedRouter router) => _node.Check("sh", "-ec", $$"""
        n={{NameByHand}}
        ip netns add $n
        ip link add hand type veth peer name eth0 netns $n
        ip link add link eth0 name net1 netns $n type macvlan mode bridge
        ip -n $n link set lo up
        ip -n $n link set eth0 up
        ip -n $n link set net1 up
        ip -n $n address add {{router.Inside}}/24 dev eth0
        ip -n $n address add {{router.Reserved}}{{Network}} dev net1
        ip address add 10.99.0.1/24 dev hand
        ip link set hand up
        nsenter --net=/run/netns/$n sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
        nsenter --net=/run/netns/$n nft -f - <<'END'
        table ip nat {
            chain prerouting {
                type nat hook prerouting priority dstnat
                ip daddr {{router.Inside}} meta l4proto { tcp, udp } th dport {{router.Port}} dnat to {{ServerAddress}}
            }
            chain postrouting {
                type nat hook postrouting priority srcnat
                oifname "net1" snat to {{router.Reserved}}
            }
        }
        END
        """);
}
