using EgressAgent.Engine.Clients;
using EgressAgent.Linux.Epoll;

namespace EgressAgent.Engine.Relay;

/// <summary>A flow: it ends when nothing has happened for some time. It is in exactly one <see cref="IdleQueue"/>.</summary>
internal abstract class TimedSource(Redirection redirection) : LoopSource
{
    /// <summary>By which it lives; its counters take what it moves.</summary>
    internal Redirection Redirection { get; private protected set; } = redirection;

    /// <summary>What the client dialled, and from where.</summary>
    internal abstract DialledFlow Dialled { get; }

    internal IdleQueue? Queue { get; set; }

    internal TimedSource? Older { get; set; }

    internal TimedSource? Newer { get; set; }

    /// <summary>The loop's time when something last happened.</summary>
    internal long LastActive { get; set; }

    /// <summary>Who its client is; of <see cref="RelayRecords"/>.</summary>
    internal ClientQuestion? Who { get; set; }

    /// <summary>Whether its record is counted among those to come; of <see cref="RelayRecords"/>.</summary>
    internal bool IsRecordExpected { get; set; }

    /// <summary>Takes its redirection under a new plan.</summary>
    /// <returns>False when the plan would not have made it: then it is to be cut.</returns>
    internal abstract bool LivesOn(RedirectionTable table);

    internal abstract RelayFlow Describe();

    /// <summary>Has what it sends to its destination bear the relay's mark.</summary>
    internal abstract void Mark();

    /// <summary>Notes what is not known any more at the end, when it may have to be recorded.</summary>
    internal virtual void NoteSource()
    {
    }

    /// <summary>
    /// It has lived to see a tick of its loop, and something happened to it since the tick before: for what a short flow needs not. It may
    /// be called again.
    /// </summary>
    internal virtual void OnLasting()
    {
    }

    /// <summary>The queue's time is up. The flow leaves its queue.</summary>
    internal abstract void OnIdle();

    /// <summary>Ends at once, as its redirection or the whole relay does. The flow leaves its queue.</summary>
    internal abstract void Cut();
}

/// <summary>Something whose descriptors a loop watches. All of it happens on that loop's thread.</summary>
internal abstract class LoopSource
{
    /// <summary>The place in the loop's <see cref="SourceTable"/>.</summary>
    internal int Slot { get; set; }

    /// <param name="events">What happened.</param>
    /// <param name="side">Which of the source's two descriptors it happened to: 0 or 1.</param>
    internal abstract void OnEvents(EpollEvents events, int side);
}
