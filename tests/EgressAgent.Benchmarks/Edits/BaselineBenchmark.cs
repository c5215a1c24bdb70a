using System.Globalization;
using System.Net;

namespace EgressAgent.Benchmarks.Edits;

/// <summary>
/// One build of the agent beside another, in random order within each round: an edit of one rule from the saving of the file to the first
/// connection that goes by it, and the start with one router and with many that are there already: its time, its CPU time, and what is resident
/// after it.
/// </summary>
internal static class BaselineBenchmark
{
    private const int FirstPort = 10_000;
    private const int Edits = 5;
    private const int Starts = 5;

    internal static int Run(string[] arguments)
    {
        string[] agents = [.. arguments.Take(2).Select(Path.GetFullPath)];
        int rounds = arguments.Length > 2 ? int.Parse(arguments[2], CultureInfo.InvariantCulture) : 10;
        int routers = arguments.Length > 3 ? int.Parse(arguments[3], CultureInfo.InvariantCulture) : 300;
        Report.Head("this build", "baseline");
        foreach ((int rules, double bar) in ((int, double)[])[(10, 1.0), (1_000, 0.3), (10_000, 0.15)])
        {
            List<double>[] times = Compare(agents, rounds, agent => MeasureEdits(agent, rules).Select(time => time.TotalMilliseconds));
            Report.Ratio($"an edit of one of {rules} rules, ms", times[0], times[1], Bar.AtMost(bar));
        }

        List<double>[] starts = Compare(agents, rounds, agent => MeasureStarts(agent).Select(time => time.TotalMilliseconds));
        Report.Ratio("start to READY with one adopted router, ms", starts[0], starts[1], Bar.AtMost(0.83));
        PrintAdoption(agents, rounds, routers);
        return 0;
    }

    /// <summary>The last part alone.</summary>
    internal static int RunAdoption(string[] arguments)
    {
        string[] agents = [.. arguments.Take(2).Select(Path.GetFullPath)];
        Report.Head("this build", "baseline");
        PrintAdoption(agents, int.Parse(arguments[2], CultureInfo.InvariantCulture), int.Parse(arguments[3], CultureInfo.InvariantCulture));
        return 0;
    }

    private static void PrintAdoption(string[] agents, int rounds, int routers)
    {
        List<(double Time, double Cpu, double Resident)>[] adoptions = Compare<(double, double, double)>(agents, rounds, agent => [MeasureAdoption(agent, routers)]);
        Print($"{routers} routers adopted, ms", one => one.Time, Bar.AtMost(0.1));
        Print("… CPU time, ms", one => one.Cpu, null);
        Print("… resident after ten seconds, MiB", one => one.Resident, null);

        void Print(string what, Func<(double Time, double Cpu, double Resident), double> value, Bar? bar) =>
            Report.Ratio(what, [.. adoptions[0].Select(value)], [.. adoptions[1].Select(value)], bar);
    }

    private static List<T>[] Compare<T>(string[] agents, int rounds, Func<string, IEnumerable<T>> measure)
    {
        List<T>[] measured = [.. agents.Select(_ => new List<T>())];
        for (int round = 0; round < rounds; round++)
        {
            int[] order = [.. Enumerable.Range(0, agents.Length)];
            Random.Shared.Shuffle(order);
            foreach (int index in order)
            {
                measured[index].AddRange(measure(agents[index]));
            }
        }

        return measured;
    }

    private static List<TimeSpan> MeasureEdits(string agent, int rules)
    {
        using EditLab lab = new(agent);
        lab.Save("web", Reserved(0), Enumerable.Range(FirstPort, rules));
        using AgentRun run = lab.Start();
        string inside = EditLab.InsideAddressOf("web");
        return [.. Enumerable.Range(FirstPort + rules, Edits).Select(port => lab.MeasureUntilInForce(
            inside, port, () => lab.Save("web", Reserved(0), Enumerable.Range(FirstPort, rules - 1).Append(port))))];
    }

    private static List<TimeSpan> MeasureStarts(string agent)
    {
        using EditLab lab = new(agent);
        lab.Save("web", Reserved(0), Enumerable.Range(FirstPort, 10));
        lab.Start().Dispose();
        List<TimeSpan> times = [];
        for (int start = 0; start < Starts; start++)
        {
            using AgentRun run = lab.Start();
            times.Add(run.StartTime);
        }

        return times;
    }

    /// <summary>The time that an agent takes to adopt routers of another one, what it uses of the processors, both in milliseconds, and the MiB that it holds ten seconds later.</summary>
    internal static (double Time, double Cpu, double Resident) MeasureAdoption(string agent, int routers)
    {
        using EditLab lab = new(agent);
        for (int number = 0; number < routers; number++)
        {
            lab.Save($"web{number}", Reserved(number), Enumerable.Range(FirstPort, 10));
        }

        using (lab.Start())
        {
            // What the network was told twice by then, the next agent need not tell it again.
            Thread.Sleep(TimeSpan.FromSeconds(5));
        }

        using AgentRun run = lab.Start();
        double cpu = run.CpuTime.TotalMilliseconds;

        // What it announces again, and what it gives back when all is quiet, are over by then.
        Thread.Sleep(TimeSpan.FromSeconds(10));
        return (run.StartTime.TotalMilliseconds, cpu, run.ResidentMiB);
    }

    private static IPAddress Reserved(int number) => IPAddress.Parse($"192.168.{100 + (number / 200)}.{1 + (number % 200)}");
}
