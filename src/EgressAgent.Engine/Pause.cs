namespace EgressAgent.Engine;

/// <summary>How long something is left alone that was refused. Each time it is for longer, unless it is said for how long.</summary>
internal struct Pause
{
    private Backoff _backoff;
    private TimeSpan _length;
    private long _since;

    internal void Begin(TimeProvider time, TimeSpan? length = null)
    {
        _length = length ?? _backoff.Next();
        _since = time.GetTimestamp();
    }

    /// <summary>What is left of it; nothing when it is over.</summary>
    internal readonly TimeSpan RestAt(TimeProvider time)
    {
        TimeSpan rest = _length - time.GetElapsedTime(_since);
        return rest > TimeSpan.Zero ? rest : TimeSpan.Zero;
    }
}
