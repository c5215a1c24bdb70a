using System.Diagnostics;
using System.Globalization;
using EgressAgent.Testing;
using EgressAgent.Testing.Failover;
using EgressAgent.Testing.Lab;

namespace EgressAgent.Benchmarks.Failover;

/// <summary>
/// For how long a client on the LAN is not served when the node that holds a router fails, in each of the ways of <see cref="FailureKind"/>
/// in random order; whether two nodes were ever seen to speak; whether a connection that was there before goes on; and what outages do that
/// are to move nothing. The agent is that of
/// <c>EGRESS_AGENTD</c>.
/// </summary>
internal static class FailoverBenchmark
{
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // The client's connection has its quarter of a second, and what is to settle settles.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan TransferPause = TimeSpan.FromMilliseconds(50);

    internal static int Run(string[] arguments)
    {
        int rounds = Number(arguments, "--rounds") ?? 5;
        int outages = Number(arguments, "--outages") ?? Math.Max(1, rounds / 20);
        TimeSpan outage = TimeSpan.FromSeconds(Number(arguments, "--seconds") ?? 60);
        int seed = Number(arguments, "--seed") ?? Random.Shared.Next(10_000);
        FailureKind[] kinds = [.. Enum.GetValues<FailureKind>().Where(kind => Word(arguments, "--only") is not { } only || $"{kind}".Equals(only, StringComparison.OrdinalIgnoreCase))];
        FailureKind[] order = [.. Enumerable.Range(0, rounds).SelectMany(_ => kinds)];
        new Random(seed).Shuffle(order);
        Console.Error.WriteLine($"{order.Length} failures in random order, seed {seed}");

        Dictionary<FailureKind, FailureLog> logs = kinds.ToDictionary(kind => kind, _ => new FailureLog());
        using FailoverLab lab = new();
        using IDisposable questions = lab.AskForAddress();
        using ConnectProbe client = ConnectProbe.Start(lab.Client, FailoverLab.Address, FailoverLab.Port);
        for (int number = 0; number < order.Length; number++)
        {
            string line = Fail(lab, client, order[number], logs[order[number]]);
            Console.Error.WriteLine($"{number + 1}/{order.Length} {line}");
        }

        OutageBenchmark away = new(lab, client, outage);
        foreach (OutageKind kind in Enumerable.Range(0, outages).SelectMany(_ => Enum.GetValues<OutageKind>()))
        {
            Console.Error.WriteLine(away.Run(kind));
        }

        Report.Head("agents", "");
        foreach ((FailureKind kind, FailureLog log) in logs)
        {
            log.Print(kind);
        }

        int twoSenders = logs.Values.Sum(log => log.TwoSenders);
        Report.Value("failures after which two nodes were seen to speak", [twoSenders], Bar.AtMost(0));
        away.Print();
        return twoSenders == 0 && !away.HasFailed ? 0 : 1;
    }

    private static string Fail(FailoverLab lab, ConnectProbe client, FailureKind kind, FailureLog log)
    {
        lab.WaitUntilReady();
        long ready = Stopwatch.GetTimestamp();
        lab.Senders.Take();
        Eventually.True("the client to be served", () => client.IsServedSince(ready), Patience);
        FailoverNode failing = lab.Holder!;
        using EchoedTransfer transfer = EchoedTransfer.Start(lab.Client, FailoverLab.Address, FailoverLab.Port, pause: TransferPause);
        transfer.WaitForBlocks(2);
        Failure failure = new(lab, failing, kind);
        failure.Begin();

        // From the moment on that another node has it the client is served by that one.
        Eventually.True("another node to hold the router", () => lab.Holder is { } holder && holder != failing, Patience, () => Logs(lab));
        long taken = Stopwatch.GetTimestamp();
        Eventually.True("the client to be served again", () => client.IsServedSince(taken), Patience, () => Logs(lab));
        Thread.Sleep(Settling);
        bool isBroken = IsBroken(transfer);
        failure.End(after: kind == FailureKind.Hang ? Hang : TimeSpan.Zero);
        lab.WaitUntilReady();
        TimeSpan gap = client.LongestGapSince(failure.Began);
        SenderTurns turns = SenderTurns.Of(lab.Senders.Take());
        bool areTwo = turns.Turns.Count > 2 || turns.Overlaps(FailoverLab.FenceNanoseconds).Any();
        log.Add(gap, turns, areTwo, isBroken);
        return $"{kind} of {failing}: {gap.TotalMilliseconds:0} ms{(areTwo ? $", two senders: {turns}" : "")}{(isBroken ? ", and a connection broke" : "")}";
    }

    private static bool IsBroken(EchoedTransfer transfer)
    {
        try
        {
            transfer.WaitForBlocks(1);
            return false;
        }
        catch (Exception failure) when (failure is IOException or TimeoutException)
        {
            return true;
        }
    }

    private static string Logs(FailoverLab lab) => string.Join('\n', lab.Nodes.Select(node => $"{node}: {node.Log}"));

    private static int? Number(string[] arguments, string name) => Word(arguments, name) is { } word ? int.Parse(word, CultureInfo.InvariantCulture) : null;

    private static string? Word(string[] arguments, string name) => Array.IndexOf(arguments, name) is >= 0 and var place ? arguments[place + 1] : null;
}
