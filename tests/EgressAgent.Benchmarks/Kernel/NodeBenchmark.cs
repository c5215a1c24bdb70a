using System.Globalization;
using System.Net;
using EgressAgent.Benchmarks.Edits;

namespace EgressAgent.Benchmarks.Kernel;

/// <summary>
/// What an agent with hundreds of routers uses of the processors while nothing happens, and while links of others come, with an address and
/// a route, and go; and what one with a single router, or with more of them, takes to start, and holds.
/// </summary>
internal static class NodeBenchmark
{
    private const int ForeignLinks = 150;

    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(20);

    internal static int Run(string[] arguments)
    {
        string agent = Path.GetFullPath(arguments[0]);
        int rounds = arguments.Length > 1 ? int.Parse(arguments[1], CultureInfo.InvariantCulture) : 3;
        int routers = arguments.Length > 2 ? int.Parse(arguments[2], CultureInfo.InvariantCulture) : 300;
        Report.Head("agent", "");
        MeasureSingle(agent, rounds * 3);
        MeasureMany(agent, 500);

        using EditLab lab = new(agent);
        Save(lab, routers);
        using AgentRun run = lab.Start();

        // What it announces again, and what it gives back, are over by then.
        Thread.Sleep(TimeSpan.FromSeconds(15));
        List<double> resident = [run.ResidentMiB];
        List<double> idle = [];
        List<double> foreign = [];
        for (int round = 0; round < rounds; round++)
        {
            idle.Add(Cost(run, () => Thread.Sleep(IdleTime)));
            foreign.Add(Cost(run, () =>
            {
                lab.RunOnNode(Foreign());
                Thread.Sleep(TimeSpan.FromSeconds(3));
            }));
        }

        Report.Value($"{routers} routers, resident, MiB", resident, Bar.AtMost(60));
        Report.Value($"{routers} routers, CPU of {IdleTime.TotalSeconds} idle seconds, s", idle, Bar.AtMost(0.05));
        Report.Value($"{routers} routers, CPU of {ForeignLinks} foreign links, s", foreign, Bar.AtMost(0.3));
        return 0;
    }

    private static void MeasureSingle(string agent, int rounds)
    {
        using EditLab lab = new(agent);
        Save(lab, 1);
        lab.Start().Dispose();
        List<double> ready = [];
        List<double> resident = [];
        for (int round = 0; round < rounds; round++)
        {
            using AgentRun run = lab.Start();
            ready.Add(run.StartTime.TotalMilliseconds);
            resident.Add(run.ResidentMiB);
        }

        Report.Value("start to READY with one adopted router, ms", ready, Bar.AtMost(40));
        Report.Value("… resident, MiB", resident, Bar.AtMost(27));
    }

    private static void MeasureMany(string agent, int routers)
    {
        (double time, _, double resident) = BaselineBenchmark.MeasureAdoption(agent, routers);
        Report.Value($"{routers} routers adopted, ms", [time], Bar.AtMost(1000));
        Report.Value("… resident after ten seconds, MiB", [resident], Bar.AtMost(60));
    }

    private static void Save(EditLab lab, int routers)
    {
        for (int number = 0; number < routers; number++)
        {
            lab.Save($"web{number}", IPAddress.Parse($"192.168.{100 + (number / 200)}.{1 + (number % 200)}"), Enumerable.Range(10_000, 10));
        }
    }

    private static double Cost(AgentRun run, Action action)
    {
        TimeSpan before = run.CpuTime;
        action();
        return (run.CpuTime - before).TotalSeconds;
    }

    private static string Foreign() => string.Concat(Enumerable.Range(0, ForeignLinks).Select(number => $"""
        ip link add f{number} type bridge
        ip address add 172.20.{number}.1/24 dev f{number}
        ip link set f{number} up
        ip route add 172.21.{number}.0/24 dev f{number}
        ip link delete f{number}

        """));
}
