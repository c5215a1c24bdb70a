using EgressAgent.Testing.Failover;

namespace EgressAgent.Benchmarks.Failover;

/// <summary>What failures of one kind came to.</summary>
internal sealed class FailureLog
{
    private readonly List<double> _gaps = [];
    private readonly List<double> _silences = [];

    /// <summary>After how many of them two nodes were seen to speak.</summary>
    internal int TwoSenders { get; private set; }

    /// <summary>After how many of them a connection that was there before did not go on.</summary>
    internal int Broken { get; private set; }

    internal void Add(TimeSpan gap, SenderTurns turns, bool areTwo, bool isBroken)
    {
        _gaps.Add(gap.TotalMilliseconds);
        _silences.AddRange(turns.Turns.Zip(turns.Turns.Skip(1), (before, after) => (after.Begin - before.End) / 1e6));
        TwoSenders += areTwo ? 1 : 0;
        Broken += isBroken ? 1 : 0;
    }

    internal void Print(FailureKind kind)
    {
        if (_gaps.Count == 0)
        {
            return;
        }

        Report.Value($"{kind}, {_gaps.Count} failures: the client is not served, p50, ms", _gaps);
        Report.Value("… p99, ms", [Percentile(_gaps, 0.99)], BarOf(kind));
        Report.Value("… connections that did not go on", [Broken], Bar.AtMost(0));
        if (_silences.Count > 0)
        {
            Report.Value("… between the last frame of one node and the first of the next, at least, ms", [_silences.Min()]);
        }
    }

    private static Bar BarOf(FailureKind kind) => Bar.AtMost(kind switch
    {
        FailureKind.Stop => 100,
        FailureKind.Leader => 5000,
        _ => 1000,
    });

    private static double Percentile(IEnumerable<double> values, double share)
    {
        double[] sorted = [.. values.Order()];
        return sorted[Math.Max(0, (int)Math.Ceiling(sorted.Length * share) - 1)];
    }
}
