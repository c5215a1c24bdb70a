using System.Net;
using System.Net.Sockets;
using EgressAgent.Model.Addressing;

namespace EgressAgent.Model.Planning;

/// <summary>The node's own network, as far as routers depend on it.</summary>
/// <param name="Links">All interfaces but loopback and the agent's own.</param>
/// <param name="Routes">The unicast and local routes of all tables, without those over loopback and the agent's own interfaces.</param>
public sealed record ObservedNode(ValueList<NodeLink> Links, ValueList<NodeRoute> Routes)
{
    /// <summary>Why the node has no IPv6; null when it has.</summary>
    public string? WhyNoIPv6 { get; init; }

    /// <summary>The kernel settings that routers take over, see <see cref="NodeSettings"/>.</summary>
    public ValueList<SysctlEntry> Settings { get; init; } = [];

    /// <summary>The interface of the given name or alternative name.</summary>
    public NodeLink? FindLink(string name) => Links.FirstOrDefault(link => link.Name == name || link.AltNames.Contains(name));

    /// <summary>Whether the node itself has the address.</summary>
    public bool Owns(IPAddress address) => Links.Any(link => link.Addresses.Any(own => own.Address.Equals(address)));

    /// <summary>The main table's default routes of a family, the preferred one first.</summary>
    public IEnumerable<NodeRoute> DefaultRoutes(AddressFamily family) => Routes
        .Where(route => route.IsDefault && route.Table == RouteEntry.MainTable && route.Destination.BaseAddress.AddressFamily == family)
        .OrderBy(route => route.Metric);
}

/// <summary>An interface of the node.</summary>
/// <param name="Index">Its interface index.</param>
/// <param name="Name">Its name.</param>
/// <param name="IsUp">Whether it was set up.</param>
/// <param name="HasCarrier">Whether it has a link partner.</param>
/// <param name="Mtu">In bytes.</param>
/// <param name="Addresses">Those of the node on it.</param>
/// <param name="AltNames">Its further names.</param>
public sealed record NodeLink(
    int Index, string Name, bool IsUp, bool HasCarrier, int Mtu, ValueList<InterfaceAddress> Addresses, ValueList<string> AltNames)
{
    /// <summary>The driver's kind: <c>bridge</c>, <c>bond</c>; null for hardware.</summary>
    public string? Kind { get; init; }

    /// <summary>The index of the bridge, bond or VRF that it is a port of.</summary>
    public int? PortOf { get; init; }

    /// <summary>Whether it carries Ethernet frames; else no macvlan can stand on it.</summary>
    public bool IsEthernet { get; init; } = true;

    /// <summary>How often its carrier came up: an outage that is over by now is seen by it.</summary>
    public uint CarrierUps { get; init; }
}

/// <summary>A route of the node.</summary>
public sealed record NodeRoute(IPNetwork Destination, IPAddress? Gateway, int LinkIndex, int Table, int Metric)
{
    public bool IsDefault => Destination.PrefixLength == 0;
}
