using System.Globalization;
using System.Net;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Benchmarks.Edits;

/// <summary>
/// Routers from nothing: by the agent, and by one script of ip(8) and nft(8) that makes the same links, addresses and routes, and loads the
/// same tables, and leaves out what costs the agent more: settings, routing policy, marks, announcements, state. In random order within
/// each round.
/// </summary>
internal static class ColdBenchmark
{
    private const int FirstPort = 10_000;

    internal static int Run(string[] arguments)
    {
        string agent = Path.GetFullPath(arguments[0]);
        int rounds = arguments.Length > 1 ? int.Parse(arguments[1], CultureInfo.InvariantCulture) : 10;
        int routers = arguments.Length > 2 ? int.Parse(arguments[2], CultureInfo.InvariantCulture) : 300;
        using EditLab lab = new(agent);
        for (int number = 0; number < routers; number++)
        {
            lab.Save(Name(number), Reserved(number), Enumerable.Range(FirstPort, 10));
        }

        lab.Start().Dispose();
        string script = Script(lab, routers);
        lab.Clean();

        List<(double Time, double Cpu)> byAgent = [];
        List<(double Time, double Cpu)> byScript = [];
        for (int round = 0; round < rounds; round++)
        {
            bool[] order = [true, false];
            Random.Shared.Shuffle(order);
            foreach (bool isAgent in order)
            {
                if (isAgent)
                {
                    using AgentRun run = lab.Start();
                    byAgent.Add((run.StartTime.TotalMilliseconds, run.CpuTime.TotalMilliseconds));
                }
                else
                {
                    byScript.Add(lab.RunOnNode(script));
                    lab.RunOnNode(string.Concat(Enumerable.Range(0, routers).Select(number => $"ip netns del {ScriptNetns(number)}\n")));
                }

                lab.Clean();
            }
        }

        Report.Head("agent", "script of ip and nft");
        Report.Ratio($"{routers} routers from cold, ms", [.. byAgent.Select(one => one.Time)], [.. byScript.Select(one => one.Time)], Bar.AtMost(1 / 1.5));
        Report.Ratio("… CPU time, ms", [.. byAgent.Select(one => one.Cpu)], [.. byScript.Select(one => one.Cpu)]);
        return 0;
    }

    private static string Script(EditLab lab, int routers) => string.Concat(Enumerable.Range(0, routers).Select(number =>
    {
        RouterKey key = new(RouterKey.DefaultNamespace, Name(number));
        string netns = ScriptNetns(number);
        string inside = InsideAddressAllocator.Derive(AgentConfiguration.Default.InsideNetworks[0], key)!.Address.ToString();
        string rules = lab.SaveRuleset(RouterNames.Netns(key));
        return $"""
            ip netns add {netns}
            ip link add c{number} type veth peer name eth0 netns {netns}
            ip link add link eth0 name d{number} netns {netns} type macvlan mode bridge
            ip -n {netns} -batch - <<END
            link set lo up
            link set eth0 up
            link set d{number} name net1
            link set net1 up
            address add {inside}/16 dev eth0
            address add {Reserved(number)}/16 dev net1
            route add 192.168.12.1 dev net1
            route add default via 192.168.12.1 dev net1
            END
            ip -batch - <<END
            link set c{number} up
            address add 198.18.0.1/32 dev c{number}
            route add {inside} dev c{number}
            END
            ip netns exec {netns} nft -f {rules}

            """;
    }));

    private static string Name(int number) => $"web{number}";

    private static string ScriptNetns(int number) => $"script{number}";

    private static IPAddress Reserved(int number) => IPAddress.Parse($"192.168.{100 + (number / 200)}.{1 + (number % 200)}");
}
