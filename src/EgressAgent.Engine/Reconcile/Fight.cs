namespace EgressAgent.Engine.Reconcile;

/// <summary>
/// Tells a repair from a fight: somebody who undoes what the agent repairs, again and again. Then it is left as it is for a while
/// that grows each time, so that two programs do not keep each other busy.
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

    /// <summary>Whether nothing is repaired now.</summary>
    internal bool IsPausing => IsOn && SinceRepair < _pause;

    /// <summary>When to look again: at the end of the pause, or when the fight may be over.</summary>
    internal TimeSpan RetryAfter => (IsPausing ? _pause : Memory + _pause) - SinceRepair;

    private TimeSpan SinceRepair => time.GetElapsedTime(_lastRepair);

    /// <summary>Notes that something is repaired.</summary>
    /// <returns>Whether a fight begins.</returns>
    internal bool Repair()
    {
        bool wasOn = IsOn;
        _repairs = !IsOn && SinceRepair > Memory ? 1 : _repairs + 1;
        _lastRepair = time.GetTimestamp();
        if (!IsOn)
        {
            _backoff.Reset();
            _pause = TimeSpan.Zero;
            return false;
        }

        _pause = _backoff.Next();
        return !wasOn;
    }

    /// <summary>Notes that there was nothing to repair.</summary>
    /// <returns>Whether a fight is over.</returns>
    internal bool Rest()
    {
        if (!IsOn || SinceRepair < Memory + _pause)
        {
            return false;
        }

        _repairs = 0;
        _pause = TimeSpan.Zero;
        return true;
    }
}
