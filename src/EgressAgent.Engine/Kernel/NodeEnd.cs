using System.Net;
using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Model;

namespace EgressAgent.Engine.Kernel;

/// <summary>What the node has of one router.</summary>
/// <param name="Link">The node's end of the veth pair, or what has its name; null when there is none.</param>
/// <param name="OtherOfAltName">Another link that has the alternative name of that end; null when there is none.</param>
/// <param name="Addresses">Those on it.</param>
/// <param name="Routes">Those over it.</param>
/// <param name="HeldNetworks">The networks that the node refuses to its clients, for all routers.</param>
internal sealed record NodeEnd(
    Link? Link, Link? OtherOfAltName, IReadOnlyList<LinkAddress> Addresses, IReadOnlyList<Route> Routes, ValueList<IPNetwork> HeldNetworks);
