using System.Net;
using EgressAgent.Model.Addressing;

namespace EgressAgent.Model.Planning;

/// <summary>A unicast route, with what tells it from others: metrics and caches are the kernel's business.</summary>
/// <param name="Side">Whose routing tables.</param>
/// <param name="Destination">The network; of prefix length 0 for a default route.</param>
/// <param name="Gateway">The next hop; null for a destination on the link itself.</param>
/// <param name="Link">The output interface.</param>
/// <param name="Table">The table; <see cref="MainTable"/> unless said otherwise.</param>
public sealed record RouteEntry(NetworkSide Side, IPNetwork Destination, IPAddress? Gateway, string Link, int Table = RouteEntry.MainTable)
{
    /// <summary>RT_TABLE_LOCAL: the kernel keeps local and broadcast addresses there.</summary>
    public const int LocalTable = 255;

    /// <summary>RT_TABLE_DEFAULT, asked last; usually empty.</summary>
    public const int DefaultTable = 253;

    /// <summary>RT_TABLE_MAIN, what <c>ip route</c> shows.</summary>
    public const int MainTable = 254;

    /// <summary>The table for packets on their way back to the client, in a router's netns.</summary>
    public const int ReturnTable = 100;

    /// <summary>The same for what came by a Service.</summary>
    public const int ServiceReturnTable = 101;

    /// <summary>The source that the node itself takes for this destination; null leaves the choice to the kernel.</summary>
    public IPAddress? PreferredSource { get; init; }

    /// <summary>Whether the kernel makes this route itself when the address is added (RTPROT_KERNEL).</summary>
    public bool IsKernelMade { get; init; }

    /// <summary>RT_SCOPE_LINK instead of RT_SCOPE_UNIVERSE. IPv6 knows no scope.</summary>
    public bool IsLinkScope { get; init; }

    /// <summary>
    /// Whether it bears the agent's own protocol number. What the documented table of a router shows is bare, as of <c>ip route add</c>.
    /// </summary>
    public bool IsMarked { get; init; }

    internal bool IsOutsideDefault => this is { Side: NetworkSide.Router, Link: RouterNames.OutsideLink, Table: MainTable, Gateway: not null, Destination.PrefixLength: 0 };

    /// <summary>Whether a gateway is on the link, or may be: such a route leads to a single host on the macvlan's network.</summary>
    internal bool IsOutsideHost => this is { Side: NetworkSide.Router, Link: RouterNames.OutsideLink, Table: MainTable, Gateway: null, IsKernelMade: false }
        && Destination.PrefixLength == Destination.BaseAddress.MaxPrefixLength;

    /// <summary>What it has in common with the routes that it replaces.</summary>
    internal string Thing =>
        $"route {(Destination.PrefixLength == 0 && !Destination.BaseAddress.IsIPv4 ? "IPv6 " : "")}{DestinationText} dev {Link}{TableText}";

    private string DestinationText => Destination.PrefixLength == 0 ? "default"
        : Destination.PrefixLength == Destination.BaseAddress.MaxPrefixLength ? Destination.BaseAddress.ToString()
        : Destination.ToString();

    private string TableText => Table == MainTable ? "" : $" table {Table}";

    /// <summary>In the words of <c>ip route</c>.</summary>
    public override string ToString()
    {
        string via = Gateway is null ? "" : $" via {Gateway}";
        string source = PreferredSource is null ? "" : $" src {PreferredSource}";
        return $"{DestinationText}{via} dev {Link}{source}{TableText}";
    }
}
