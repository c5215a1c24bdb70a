using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Relay;

/// <summary>What one rule, or the fallback of one family and protocol, has carried since it came into force.</summary>
/// <param name="Protocol">The transport.</param>
/// <param name="Rule">Null for the fallback.</param>
/// <param name="Connections">Connections accepted and UDP associations made.</param>
/// <param name="BytesToDestination">Payload bytes.</param>
/// <param name="BytesToClient">Payload bytes.</param>
/// <param name="Refused">Connections that the destination refused.</param>
/// <param name="Unreachable">Connections that failed by an ICMP error or for want of a route.</param>
/// <param name="TimedOut">Connections that the destination did not answer in time.</param>
internal sealed record RelayCounters(
    TransportProtocol Protocol,
    RedirectRuleSpec? Rule,
    long Connections,
    long BytesToDestination,
    long BytesToClient,
    long Refused,
    long Unreachable,
    long TimedOut);
