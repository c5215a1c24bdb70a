namespace EgressAgent.Testing.Lab;

/// <summary>How an attempt to reach a server ended, as its client saw it.</summary>
public enum ProbeOutcome
{
    /// <summary>The server answered.</summary>
    Answered,

    /// <summary>A RST during the handshake, or an ICMP port-unreachable.</summary>
    Refused,

    /// <summary>A RST after the handshake.</summary>
    Reset,

    /// <summary>The connection was closed before an answer came.</summary>
    Closed,

    /// <summary>Another ICMP unreachable, or no route.</summary>
    Unreachable,

    /// <summary>Nothing came back before the deadline.</summary>
    TimedOut,
}
