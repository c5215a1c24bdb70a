namespace EgressAgent.Engine.Relay;

/// <summary>
/// Sources in the order of their last activity. Since all of a queue have the same timeout, the oldest is always the first to
/// end: adding, moving and removing cost a few pointers, and there is nothing to sort.
/// </summary>
internal sealed class IdleQueue(TimeSpan timeout, long frequency)
{
    private readonly long _timeout =
        timeout == Timeout.InfiniteTimeSpan ? long.MaxValue : (long)(timeout.TotalSeconds * frequency);

    internal TimedSource? Oldest { get; private set; }

    internal TimedSource? Newest { get; private set; }

    /// <summary>Moves the source to this queue's young end, from whichever queue it is in.</summary>
    internal void Touch(TimedSource source, long now)
    {
        source.LastActive = now;
        if (Newest == source)
        {
            return;
        }

        source.Queue?.Remove(source);
        source.Queue = this;
        source.Older = Newest;
        if (Newest is null)
        {
            Oldest = source;
        }
        else
        {
            Newest.Newer = source;
        }

        Newest = source;
    }

    internal void Remove(TimedSource source)
    {
        if (source.Older is { } older)
        {
            older.Newer = source.Newer;
        }
        else
        {
            Oldest = source.Newer;
        }

        if (source.Newer is { } newer)
        {
            newer.Older = source.Older;
        }
        else
        {
            Newest = source.Older;
        }

        source.Queue = null;
        source.Older = null;
        source.Newer = null;
    }

    /// <summary>Ends what has been idle for too long.</summary>
    internal void Expire(long now)
    {
        while (Oldest is { } source && now - source.LastActive >= _timeout)
        {
            source.OnIdle();
        }
    }
}
