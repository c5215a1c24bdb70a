namespace EgressAgent.Model.Resources;

/// <summary>The transports that a rule can take: <c>redirectRules[].protocol</c>.</summary>
public enum TransportProtocol
{
    TCP,
    UDP,
    SCTP,
}
