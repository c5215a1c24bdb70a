using System.Net;
using System.Net.Sockets;
using System.Text;

namespace EgressAgent.Linux.Netlink.Routes;

/// <summary>A route (RTM_NEWROUTE, rtnetlink(7)).</summary>
/// <param name="Destination">Of length 0 for a default route.</param>
public sealed record Route(IPNetwork Destination)
{
    public uint Table { get; init; } = RouteTable.Main;

    /// <summary>The next hop, which may be of the other family; null where the destination is on the link.</summary>
    public IPAddress? Gateway { get; init; }

    public int? OutputLinkIndex { get; init; }

    /// <summary>The source address of packets that have none yet.</summary>
    public IPAddress? PreferredSource { get; init; }

    /// <summary>IPv4 only: the kernel keeps <see cref="RouteScope.Universe"/> for every IPv6 route.</summary>
    public RouteScope Scope { get; init; }

    public RouteProtocol Protocol { get; init; } = RouteProtocol.Boot;

    public RouteType Type { get; init; } = RouteType.Unicast;

    /// <summary>The metric: of several routes the lowest is taken. For 0 the kernel keeps 1024 in an IPv6 route.</summary>
    public uint Priority { get; init; }

    /// <summary>The gateway counts as reachable on the link although no address of the link covers it.</summary>
    public bool IsOnLink { get; init; }

    /// <summary>
    /// There is more than one next hop; <see cref="Gateway"/> and <see cref="OutputLinkIndex"/> are the first one's. Such routes
    /// are read only.
    /// </summary>
    public bool IsMultipath { get; init; }

    public AddressFamily Family => Destination.BaseAddress.AddressFamily;

    public bool IsDefault => Destination.PrefixLength == 0;

    /// <summary>In the manner of ip-route(8), with link and table as numbers.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        if (Type != RouteType.Unicast)
        {
            text.Append(Type.ToString().ToLowerInvariant()).Append(' ');
        }

        text.Append(IsDefault ? "default" : Destination.ToString());
        Append(" via ", Gateway);
        Append(" link ", OutputLinkIndex);
        Append(" src ", PreferredSource);
        Append(" metric ", Priority == 0 ? null : Priority);
        Append(" table ", Table == RouteTable.Main ? null : Table);
        return text.ToString();

        void Append(string word, object? value)
        {
            if (value is not null)
            {
                text.Append(word).Append(value);
            }
        }
    }
}
