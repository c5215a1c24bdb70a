using System.Net;
using EgressAgent.Model;

namespace EgressAgent.Engine.Relay;

/// <summary>
/// One address family of a router. All addresses are of that family: the relay, like the kernel datapath, does not turn IPv4 into
/// IPv6 or back.
/// </summary>
/// <param name="Inside">Where clients connect to.</param>
/// <param name="Source">The reserved address that every outgoing socket is bound to.</param>
/// <param name="Fallback">Where ports without a rule go, with their port kept; null when they are refused.</param>
public sealed record RelayFamily(IPAddress Inside, IPAddress Source, IPAddress? Fallback = null)
{
    /// <summary>All reserved addresses: flows that began from any of them live on when <see cref="Source"/> changes.</summary>
    public ValueList<IPAddress> Reserved { get; init; } = [Source];
}
