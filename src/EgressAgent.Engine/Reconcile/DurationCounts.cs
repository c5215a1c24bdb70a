namespace EgressAgent.Engine.Reconcile;

/// <summary>How many times something took how long. Thread-safe.</summary>
public sealed class DurationCounts
{
    private readonly Lock _lock = new();
    private readonly ulong[] _counts = new ulong[Bounds.Count + 1];
    private double _seconds;

    /// <summary>In seconds, ascending. What took longer than the last is counted behind it.</summary>
    public static IReadOnlyList<double> Bounds { get; } = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    public void Add(TimeSpan duration)
    {
        int place = 0;
        while (place < Bounds.Count && duration.TotalSeconds > Bounds[place])
        {
            place++;
        }

        lock (_lock)
        {
            _counts[place]++;
            _seconds += duration.TotalSeconds;
        }
    }

    /// <summary>For each of <see cref="Bounds"/> how many took longer than the one before and no longer than this, then how many took longer than the last; and all of them in seconds.</summary>
    public (IReadOnlyList<ulong> Counts, double Seconds) Read()
    {
        lock (_lock)
        {
            return ([.. _counts], _seconds);
        }
    }
}
