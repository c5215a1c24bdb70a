namespace EgressAgent.Engine.Reconcile;

/// <summary>
/// Tells a repair from a fight: somebody who undoes, again and again, what the agent repairs of one thing. Then it is left as it is
/// for a while that grows each time, so that two programs do not keep each other busy.
/// </summary>
internal sealed class Fight(TimeProvider time)
{
    // Repairs that follow one another this closely belong together.
    private static readonly TimeSpan Memory = TimeSpan.FromSeconds(10);

    // An administrator at work, or several tools that start, are no fight.
    private const int Patience = 5;

    private Backoff _backoff;
    private int _repairs;
    private long _lastRepair;
    private TimeSpan _pause;

    /// <summary>Whether there is a fight.</summary>
    internal bool IsOn => _repairs > Patience;

    /// <summary>Whether the repairs are so long ago that they say nothing of the next one.</summary>
    internal bool IsForgotten => !IsOn && SinceRepair > Memory;

    /// <summary>What was repaired last.</summary>
    internal string Undone { get; private set; } = "";

    /// <summary>Whether nothing is repaired now.</summary>
    internal bool IsPausing => IsOn && SinceRepair < _pause;

    /// <summary>When to look again: at the end of the pause, or when the fight may be over.</summary>
    internal TimeSpan RetryAfter => (IsPausing ? _pause : Memory + _pause) - SinceRepair;

    private TimeSpan SinceRepair => time.GetElapsedTime(_lastRepair);

    /// <summary>Notes that it is repaired.</summary>
    /// <param name="steps">How.</param>
    /// <param name="isUndoneAtOnce">Whether the repair did not even last until it was looked at.</param>
    internal void Repair(string steps, bool isUndoneAtOnce = false)
    {
        bool wasOn = IsOn;
        _repairs = isUndoneAtOnce ? Math.Max(_repairs, Patience) + 1 : IsForgotten ? 1 : _repairs + 1;
        _lastRepair = time.GetTimestamp();
        if (!wasOn)
        {
            Undone = steps;
            _backoff.Reset();
        }

        _pause = IsOn ? _backoff.Next() : TimeSpan.Zero;
    }

    /// <summary>Notes that there was nothing to repair.</summary>
    internal void Rest()
    {
        if (IsOn && SinceRepair >= Memory + _pause)
        {
            _repairs = 0;
            _pause = TimeSpan.Zero;
        }
    }
}
