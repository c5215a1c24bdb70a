using EgressAgent.Linux.Epoll;

namespace EgressAgent.Engine.Relay;

/// <summary>Something whose descriptors a loop watches. All of it happens on that loop's thread.</summary>
internal abstract class LoopSource
{
    /// <summary>The place in the loop's <see cref="SourceTable"/>.</summary>
    internal int Slot { get; set; }

    /// <param name="events">What happened.</param>
    /// <param name="side">Which of the source's two descriptors it happened to: 0 or 1.</param>
    internal abstract void OnEvents(EpollEvents events, int side);
}
