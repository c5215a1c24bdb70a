namespace EgressAgent.Model.Redirecting;

/// <summary>What becomes of the first packet of a client.</summary>
public enum PacketFate
{
    /// <summary>It leaves with the reserved address, and answers come back.</summary>
    Forwarded,

    /// <summary>The router answers itself, and nothing goes on.</summary>
    Answered,

    /// <summary>The client is told at once: TCP by a reset, everything else by an ICMP port-unreachable.</summary>
    Refused,

    /// <summary>Nobody is told anything.</summary>
    Dropped,

    /// <summary>There is no way, and the client is told so.</summary>
    Unreachable,
}
