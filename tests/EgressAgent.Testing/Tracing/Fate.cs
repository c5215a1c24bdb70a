namespace EgressAgent.Testing.Tracing;

/// <summary>How a packet's way through a netns ends.</summary>
public enum Fate
{
    Dropped,

    /// <summary>A socket or the kernel in the netns takes it, and answers nothing at once.</summary>
    Local,

    /// <summary>It goes out by an interface.</summary>
    Left,

    /// <summary>It goes no further, and its sender is told, or has its echo.</summary>
    Answered,
}
