using System.Net;

namespace EgressAgent.Model.Resources;

/// <summary>One entry of <c>spec.redirect.redirectRules</c>, with <c>targetPort</c> filled in.</summary>
/// <param name="Protocol">The transport that the rule takes.</param>
/// <param name="Port">The port on the router's inside address.</param>
/// <param name="Destination">A unicast address of a family for which the router has a reserved address.</param>
/// <param name="TargetPort">The port at the destination.</param>
public sealed record RedirectRuleSpec(TransportProtocol Protocol, ushort Port, IPAddress Destination, ushort TargetPort);
