namespace EgressAgent.Engine;

/// <summary>The growing pauses between attempts: half a second, doubled each time, up to a minute.</summary>
internal struct Backoff
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    private int _attempts;

    internal TimeSpan Next()
    {
        TimeSpan delay = First * Math.Pow(2, Math.Min(_attempts, 10));
        _attempts++;
        return delay < Longest ? delay : Longest;
    }

    internal void Reset() => _attempts = 0;
}
