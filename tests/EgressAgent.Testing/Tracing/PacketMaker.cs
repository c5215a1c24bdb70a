namespace EgressAgent.Testing.Tracing;

/// <summary>Who makes a packet inside of a router's netns.</summary>
public enum PacketMaker
{
    /// <summary>The kernel of itself, or what a socket has left that was closed.</summary>
    Kernel,

    /// <summary>A socket of a process.</summary>
    Process,

    /// <summary>A socket of the relay that leads to a destination, where others may not send.</summary>
    Relay,
}
