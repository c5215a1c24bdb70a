namespace EgressAgent.Engine.Relay;

/// <summary>A flow: it ends when nothing has happened for some time. It is in exactly one <see cref="IdleQueue"/>.</summary>
internal abstract class TimedSource(Redirection redirection) : LoopSource
{
    /// <summary>By which it lives; its counters take what it moves.</summary>
    internal Redirection Redirection { get; private protected set; } = redirection;

    internal IdleQueue? Queue { get; set; }

    internal TimedSource? Older { get; set; }

    internal TimedSource? Newer { get; set; }

    /// <summary>The loop's time when something last happened.</summary>
    internal long LastActive { get; set; }

    /// <summary>Takes its redirection under a new plan.</summary>
    /// <returns>False when the plan would not have made it: then it is to be cut.</returns>
    internal abstract bool LivesOn(RedirectionTable table);

    internal abstract RelayFlow Describe();

    /// <summary>The queue's time is up. The flow leaves its queue.</summary>
    internal abstract void OnIdle();

    /// <summary>Ends at once, as its redirection or the whole relay does. The flow leaves its queue.</summary>
    internal abstract void Cut();
}
