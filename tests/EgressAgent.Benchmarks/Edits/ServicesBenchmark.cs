using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Resources;

namespace EgressAgent.Benchmarks.Edits;

/// <summary>
/// How long many Services take beside as many routers: at the start of an agent that has to build them, and when their files are saved
/// beside a running one, until the last takes connections. Then what an edit of one Service makes the agent do.
/// </summary>
internal static class ServicesBenchmark
{
    private const int Port = 10_000;
    private const int Edits = 10;
    private const string Pass = ": a pass over it begins";

    internal static int Run(string[] arguments)
    {
        string agent = Path.GetFullPath(arguments.Length > 0 ? arguments[0] : "artifacts/bin/egress-agentd");
        int count = arguments.Length > 1 ? int.Parse(arguments[1], CultureInfo.InvariantCulture) : 500;

        // Of two whose address would be the same, one would get another that is not known here.
        string[] names = [.. Enumerable.Range(0, 10 * count).Select(number => $"s{number}").DistinctBy(InsideOf).DistinctBy(AddressOf).Take(count)];
        (TimeSpan routersAtStart, TimeSpan routersLive) = (MeasureAtStart(agent, names, SaveRouter, InsideOf), MeasureLive(agent, names, SaveRouter, InsideOf));
        (TimeSpan atStart, TimeSpan live) = (MeasureAtStart(agent, names, SaveService, AddressOf), MeasureLive(agent, names, SaveService, AddressOf));
        Console.WriteLine($"{"",-34}{"routers",10}{"Services",10}{"ratio",8}");
        Print($"{count} at the start", routersAtStart, atStart);
        Print($"{count} saved beside a running agent", routersLive, live);
        PrintEdit(agent, names);
        return 0;
    }

    private static TimeSpan MeasureAtStart(string agent, string[] names, Action<EditLab, int, string> save, Func<string, string> addressOf)
    {
        using EditLab lab = NewLab(agent);
        SaveAll(lab, names, save);
        long start = Stopwatch.GetTimestamp();
        using AgentRun run = lab.Start();
        WaitForAll(lab, names, addressOf, start);
        return Stopwatch.GetElapsedTime(start);
    }

    private static TimeSpan MeasureLive(string agent, string[] names, Action<EditLab, int, string> save, Func<string, string> addressOf)
    {
        using EditLab lab = NewLab(agent);
        using AgentRun run = lab.Start();
        long start = Stopwatch.GetTimestamp();
        SaveAll(lab, names, save);
        WaitForAll(lab, names, addressOf, start);
        return Stopwatch.GetElapsedTime(start);
    }

    // nft monitor prints a line for each thing that changes in the ruleset.
    private static void PrintEdit(string agent, string[] names)
    {
        using EditLab lab = NewLab(agent);
        SaveAll(lab, names, SaveService);
        using AgentRun run = lab.Start("DEBUG_INVOCATION=1");
        WaitForAll(lab, names, AddressOf, Stopwatch.GetTimestamp());
        using Process monitor = Process.Start(
            new ProcessStartInfo("nsenter", ["--net=/run/netns/egress-services", "nft", "monitor"]) { RedirectStandardOutput = true })!;
        ConcurrentQueue<string> changes = [];
        Thread reader = new(() =>
        {
            while (monitor.StandardOutput.ReadLine() is { } line)
            {
                changes.Enqueue(line);
            }
        });
        reader.Start();

        // Until the monitor listens, an edit would not be seen.
        for (int port = Port + 1; ; port++)
        {
            lab.MeasureUntilInForce(AddressOf(names[^1]), port, () => lab.SaveService(names[^1], port, Port));
            if (!changes.IsEmpty)
            {
                break;
            }
        }

        // A new router has a last pass of its own two seconds later, which tells the network of its address once more.
        SpinWait.SpinUntil(() => run.CountInLog(": announce ") > 0, TimeSpan.FromSeconds(10));
        int passes = run.CountInLog(Pass);
        List<TimeSpan> times = [];
        for (int port = Port + 10_000; port < Port + 10_000 + Edits; port++)
        {
            changes.Clear();
            times.Add(lab.MeasureUntilInForce(AddressOf(names[^1]), port, () => lab.SaveService(names[^1], port, Port)));
        }

        SpinWait.SpinUntil(() => changes.Any(line => line.StartsWith("# new generation", StringComparison.Ordinal)), TimeSpan.FromSeconds(10));
        monitor.Kill();
        reader.Join();
        Console.WriteLine(
            $"{Edits} edits of one: {times.Order().ElementAt(Edits / 2).TotalMilliseconds:0} ms each, {run.CountInLog(Pass) - passes} passes of routers; nft monitor of the last:");
        foreach (string line in changes)
        {
            Console.WriteLine($"    {line}");
        }
    }

    // All Services lead to one router.
    private static EditLab NewLab(string agent)
    {
        EditLab lab = new(agent);
        lab.Save("web", Reserved(0), [Port]);
        return lab;
    }

    private static void SaveAll(EditLab lab, string[] names, Action<EditLab, int, string> save)
    {
        for (int number = 0; number < names.Length; number++)
        {
            save(lab, number + 1, names[number]);
        }
    }

    private static void SaveRouter(EditLab lab, int number, string name) => lab.Save(name, Reserved(number), [Port]);

    private static void SaveService(EditLab lab, int number, string name) => lab.SaveService(name, Port, Port);

    private static void WaitForAll(EditLab lab, string[] names, Func<string, string> addressOf, long start)
    {
        foreach (string address in names.Select(addressOf))
        {
            while (!lab.CanConnect(address, Port))
            {
                if (Stopwatch.GetElapsedTime(start) > TimeSpan.FromMinutes(5))
                {
                    throw new TimeoutException($"{address} leads nowhere");
                }
            }
        }
    }

    private static void Print(string what, TimeSpan routers, TimeSpan services) =>
        Console.WriteLine($"{what,-34}{routers.TotalMilliseconds,7:0} ms{services.TotalMilliseconds,7:0} ms{services / routers,8:0.00}");

    private static IPAddress Reserved(int number) => IPAddress.Parse($"192.168.{100 + (number / 200)}.{1 + (number % 200)}");

    private static string InsideOf(string name) =>
        InsideAddressAllocator.Derive(AgentConfiguration.Default.InsideNetworks[0], new RouterKey(RouterKey.DefaultNamespace, name))!.Address.ToString();

    private static string AddressOf(string name) => InsideAddressAllocator.Derive(
        AgentConfiguration.Default.ServiceNetworks[0], new ResourceKey(ResourceKind.Service, RouterKey.DefaultNamespace, name))!.Address.ToString();
}
