namespace EgressAgent.Model.Resources;

/// <summary>The transports that a rule can take: <c>redirectRules[].protocol</c>.</summary>
public enum TransportProtocol
{
    TCP,
    UDP,
    SCTP,
}

/// <summary>The transports by their numbers in IP headers (IANA, Assigned Internet Protocol Numbers).</summary>
public static class TransportProtocols
{
    public static byte Number(this TransportProtocol protocol) => protocol switch
    {
        TransportProtocol.TCP => 6,
        TransportProtocol.UDP => 17,
        TransportProtocol.SCTP => 132,
        _ => throw new ArgumentOutOfRangeException(nameof(protocol), protocol, null),
    };

    /// <summary>Null for what no rule can take.</summary>
    public static TransportProtocol? OfNumber(byte number) => number switch
    {
        6 => TransportProtocol.TCP,
        17 => TransportProtocol.UDP,
        132 => TransportProtocol.SCTP,
        _ => null,
    };
}
