using System.Diagnostics;
using EgressAgent.Testing;
using EgressAgent.Testing.Failover;

namespace EgressAgent.Benchmarks.Failover;

/// <summary>
/// What becomes of a router while etcd, heartbeats, or etcd and an agent are away for some time, in the ways of <see cref="OutageKind"/>:
/// nothing moves and no connection is lost where all agents are there; else the router is silent, and back soon.
/// </summary>
internal sealed class OutageBenchmark(FailoverLab lab, ConnectProbe client, TimeSpan length)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // What is sent before the fence lapses passes still.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);

    private readonly Dictionary<OutageKind, List<double>> _lost = Enum.GetValues<OutageKind>().ToDictionary(kind => kind, _ => new List<double>());
    private readonly Dictionary<OutageKind, List<double>> _returns = Enum.GetValues<OutageKind>().ToDictionary(kind => kind, _ => new List<double>());
    private int _moves;
    private int _servedWhileSilent;

    /// <summary>Whether a router moved, or was served when nobody could renew it.</summary>
    internal bool HasFailed => _moves + _servedWhileSilent > 0;

    internal string Run(OutageKind kind)
    {
        lab.WaitUntilReady();
        long ready = Stopwatch.GetTimestamp();
        Eventually.True("the client to be served", () => client.IsServedSince(ready), Patience);
        FailoverNode holder = lab.Holder!;
        lab.Senders.Take();
        Outage outage = new(lab, kind);
        long began = Stopwatch.GetTimestamp();
        outage.Begin();
        Thread.Sleep(Settling);
        long settled = Stopwatch.GetTimestamp();
        Thread.Sleep(length);
        _servedWhileSilent += outage.Silences && client.IsServedSince(settled) ? 1 : 0;
        TimeSpan back = outage.End(client.IsServedSince, Patience);
        lab.WaitUntilReady();
        bool hasMoved = lab.Holder != holder || SenderTurns.Of(lab.Senders.Take()).Turns.Count > 1;
        if (outage.Silences)
        {
            // Who holds it afterwards is another agreement.
            _returns[kind].Add(back.TotalMilliseconds);
            return $"{kind}: back after {back.TotalMilliseconds:0} ms";
        }

        _moves += hasMoved ? 1 : 0;
        int lost = client.CountLostSince(began);
        _lost[kind].Add(lost);
        return $"{kind}: {lost} connections lost{(hasMoved ? ", and the router has moved" : "")}";
    }

    internal void Print()
    {
        foreach ((OutageKind kind, List<double> lost) in _lost.Where(outages => outages.Value.Count > 0))
        {
            Report.Value($"{kind} away for {length.TotalSeconds:0} s, {lost.Count} times: connections lost, at most", [lost.Max()], Bar.AtMost(0));
        }

        foreach ((OutageKind kind, List<double> returns) in _returns.Where(outages => outages.Value.Count > 0))
        {
            Report.Value(
                $"etcd and an agent away, {returns.Count} times: served after {(kind == OutageKind.StoreAndAgent ? "etcd" : "the agent")} is back, at most, ms", [returns.Max()], Bar.AtMost(2000));
        }

        Report.Value("outages during which the router moved", [_moves], Bar.AtMost(0));
        Report.Value("outages during which it spoke while nobody could renew it", [_servedWhileSilent], Bar.AtMost(0));
    }
}
