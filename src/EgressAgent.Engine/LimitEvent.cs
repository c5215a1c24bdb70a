namespace EgressAgent.Engine;

/// <summary>A limit at which the kernel turns something away, again and again: it is told once, and is over when it was quiet for a while.</summary>
internal sealed class LimitEvent
{
    private const int QuietLooks = 2;

    private int _quiet;

    /// <summary>What is the matter, as it was when it began; null when nothing is.</summary>
    internal string? Problem { get; private set; }

    /// <summary>Notes what a look has seen.</summary>
    /// <param name="count">How often something was turned away since the last look.</param>
    /// <param name="describe">Says what is the matter when it begins; null when it is something else.</param>
    /// <returns>Whether <see cref="Problem"/> began or is over.</returns>
    internal bool Note(ulong count, Func<string?> describe)
    {
        if (count > 0)
        {
            _quiet = 0;
            return Problem is null && (Problem = describe()) is not null;
        }

        if (Problem is null || ++_quiet < QuietLooks)
        {
            return false;
        }

        Problem = null;
        return true;
    }
}
