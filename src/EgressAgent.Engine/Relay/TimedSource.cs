namespace EgressAgent.Engine.Relay;

/// <summary>A flow: it ends when nothing has happened for some time. It is in exactly one <see cref="IdleQueue"/>.</summary>
internal abstract class TimedSource(Route route) : LoopSource
{
    /// <summary>By which it lives; its counters take what it moves.</summary>
    internal Route Route { get; private protected set; } = route;

    internal IdleQueue? Queue { get; set; }

    internal TimedSource? Older { get; set; }

    internal TimedSource? Newer { get; set; }

    /// <summary>The loop's time when something last happened.</summary>
    internal long LastActive { get; set; }

    /// <summary>Takes its route under a new plan.</summary>
    /// <returns>False when the plan would not have made it: then it is to be cut.</returns>
    internal abstract bool LivesOn(RouteTable table);

    internal abstract RelayFlow Describe();

    /// <summary>The queue's time is up. The flow leaves its queue.</summary>
    internal abstract void OnIdle();

    /// <summary>Ends at once, as its route or the whole relay does. The flow leaves its queue.</summary>
    internal abstract void Cut();
}
