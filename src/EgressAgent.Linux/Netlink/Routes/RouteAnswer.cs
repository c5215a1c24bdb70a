namespace EgressAgent.Linux.Netlink.Routes;

/// <summary>What the kernel would do with a packet.</summary>
/// <param name="Route">The route that it would take; null when it would be refused, or dropped.</param>
/// <param name="Errno">
/// Why, else: EHOSTUNREACH, EACCES or EINVAL of a route or rule that refuses it (unreachable, prohibit, blackhole), ENETUNREACH without any
/// route, EHOSTUNREACH where it may not be forwarded, and others.
/// </param>
public sealed record RouteAnswer(Route? Route, Errno Errno);
