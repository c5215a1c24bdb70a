using System.Net;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Redirecting;

/// <summary>A port of a Service at an address of the physical network.</summary>
/// <param name="Address">The external address.</param>
/// <param name="Protocol">The transport.</param>
/// <param name="Port">The port there.</param>
/// <param name="TargetPort">The port at the router, which a rule or the fallback takes.</param>
public sealed record ExternalPort(IPAddress Address, TransportProtocol Protocol, ushort Port, ushort TargetPort);

/// <summary>An external port that leads somewhere.</summary>
/// <param name="Port">The port.</param>
/// <param name="Destination">Where the kernel takes it: the destination of the rule or fallback, or the relay's own address.</param>
public sealed record ExternalRedirect(ExternalPort Port, IPEndPoint Destination);
