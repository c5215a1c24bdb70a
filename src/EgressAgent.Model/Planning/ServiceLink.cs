using System.Net;

namespace EgressAgent.Model.Planning;

/// <summary>
/// The cable between the netns of Services and that of a router, both ends up; the router's end is <see cref="RouterNames.ServiceLink"/>.
/// The outer end has the name that the router's link has on the node.
/// </summary>
/// <param name="Mtu">Of both ends, bytes.</param>
/// <param name="Families">What leads over it.</param>
public sealed record ServiceLink(int Mtu, ValueList<ServiceLinkFamily> Families);

/// <summary>One family of a service link.</summary>
/// <param name="Gateway">The address of the outer end, to which the router sends what it answers.</param>
/// <param name="Inside">The router's inside address, to which the outer end has a route.</param>
public sealed record ServiceLinkFamily(IPAddress Gateway, IPAddress Inside);
