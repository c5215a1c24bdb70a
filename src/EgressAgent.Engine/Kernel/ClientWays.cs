using System.Net;
using System.Net.Sockets;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Kernel;

/// <summary>Where clients reach a router on its node, and who they are.</summary>
/// <param name="NodeLink">The node's link to the router.</param>
/// <param name="Inside">The router's inside addresses.</param>
/// <param name="Networks">The inside networks.</param>
/// <param name="Node">The node's addresses in them.</param>
/// <param name="Clients">Who may use the router; null when everyone may.</param>
/// <param name="Protocol">The number of the protocol of a rule; 0 where none is of TCP or UDP.</param>
/// <param name="Port">The port of that rule.</param>
internal sealed record ClientWays(
    string NodeLink, ValueList<IPAddress> Inside, ValueList<IPNetwork> Networks, ValueList<IPAddress> Node, ValueList<IPNetwork>? Clients, byte Protocol, ushort Port)
{
    internal static ClientWays Of(DesiredRouter desired)
    {
        RedirectRuleSpec? rule = desired.Redirect.Rules.FirstOrDefault(rule => rule.Protocol == TransportProtocol.TCP)
            ?? desired.Redirect.Rules.FirstOrDefault(rule => rule.Protocol == TransportProtocol.UDP);
        return new ClientWays(
            desired.Veth.NodeLink,
            [.. desired.Redirect.Families.Select(family => family.Inside)],
            desired.InsideNetworks,
            [.. desired.InsideAddresses.Where(entry => entry.Side == NetworkSide.Node).Select(entry => entry.Address.Address)],
            desired.Redirect.Clients,
            rule is null ? (byte)0 : (byte)(rule.Protocol == TransportProtocol.TCP ? ProtocolType.Tcp : ProtocolType.Udp),
            rule?.Port ?? 0);
    }

    /// <summary>A client's packet to an address.</summary>
    internal RouteQuestion To(IPAddress address) => new(address) { Protocol = Protocol, DestinationPort = Port };

    /// <summary>What the router answers from an address.</summary>
    internal RouteQuestion From(IPAddress address, int linkIndex, IPAddress client) =>
        new(client) { Source = address, InputLinkIndex = linkIndex, Protocol = Protocol, SourcePort = Port };

    /// <summary>Whether the node's own processes, and whom it masquerades, may use the router.</summary>
    internal bool IsForNode => Clients is null || Clients.Any(network => Node.Any(network.Contains));
}
