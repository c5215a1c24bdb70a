using System.Globalization;
using System.Net;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Resources;

namespace EgressAgent.Benchmarks.Edits;

/// <summary>
/// How long an edit takes from the saving of the file to the first connection that goes by it, how long the agent takes to start, and
/// how much memory it has then.
/// </summary>
internal static class EditsBenchmark
{
    private const int FirstPort = 10_000;

    internal static int Run(string[] arguments)
    {
        string agent = Path.GetFullPath(arguments.Length > 0 ? arguments[0] : "artifacts/bin/egress-agentd");
        int count = arguments.Length > 1 ? int.Parse(arguments[1], CultureInfo.InvariantCulture) : 100;
        Console.WriteLine($"{"",-46}{"p50",10}{"p99",10}");
        using (EditLab lab = new(agent))
        {
            using AgentRun run = lab.Start();
            Print("a new router", Enumerable.Range(0, count).Select(number => lab.MeasureUntilInForce(
                Inside($"new{number}"), FirstPort, () => lab.Save($"new{number}", Reserved(number), [FirstPort]))));
        }

        foreach (int rules in (int[])[10, 1_000, 10_000])
        {
            using EditLab lab = new(agent);
            lab.Save("web", Reserved(0), Enumerable.Range(FirstPort, rules));
            using AgentRun run = lab.Start();
            Print($"a rule of {rules}", Enumerable.Range(FirstPort + rules, Math.Max(10, count / Math.Max(1, rules / 100))).Select(port =>
                lab.MeasureUntilInForce(Inside("web"), port, () => lab.Save("web", Reserved(0), Enumerable.Range(FirstPort, rules - 1).Append(port)))));
        }

        Console.WriteLine();
        Console.WriteLine($"{"",-46}{"ready",10}{"resident",12}");
        foreach (int routers in (int[])[1, count])
        {
            using EditLab lab = new(agent);
            for (int number = 0; number < routers; number++)
            {
                lab.Save($"web{number}", Reserved(number), Enumerable.Range(FirstPort, 10));
            }

            PrintStart($"start with {routers} routers to build", lab);
            PrintStart($"start with {routers} routers to adopt", lab);
        }

        return 0;
    }

    private static void PrintStart(string what, EditLab lab)
    {
        using AgentRun run = lab.Start();
        Console.WriteLine($"{what,-46}{run.StartTime.TotalMilliseconds,7:0} ms{run.ResidentMiB,8:0} MiB");
    }

    private static void Print(string what, IEnumerable<TimeSpan> measured)
    {
        double[] times = [.. measured.Select(time => time.TotalMilliseconds).Order()];
        Console.WriteLine($"{what,-46}{times[times.Length / 2],7:0.0} ms{times[(int)(times.Length * 0.99)],7:0.0} ms");
    }

    private static IPAddress Reserved(int number) => IPAddress.Parse($"192.168.{100 + (number / 200)}.{1 + (number % 200)}");

    private static string Inside(string name) =>
        InsideAddressAllocator.Derive(AgentConfiguration.Default.InsideNetworks[0], new RouterKey(RouterKey.DefaultNamespace, name))!.Address.ToString();
}
