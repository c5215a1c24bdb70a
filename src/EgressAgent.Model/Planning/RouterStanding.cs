using System.Net;
using System.Net.Sockets;
using EgressAgent.Model.Addressing;

namespace EgressAgent.Model.Planning;

/// <summary>How a router came by its master.</summary>
public enum MasterChoice
{
    /// <summary>The spec names it.</summary>
    Named,

    /// <summary>It was the only one whose subnet held the first address.</summary>
    BySubnet,

    /// <summary>It was that of the default route.</summary>
    ByDefaultRoute,
}

/// <summary>
/// Where a router stands: its master and its gateways. What was inferred of it is kept for as long as the link exists and the file asks
/// for the same, whatever would be chosen later.
/// </summary>
/// <param name="Master">The name of the master.</param>
/// <param name="Choice">How it was chosen.</param>
/// <param name="Network">The network of the address that it was chosen for.</param>
/// <param name="Gateways">Those in use, in the order of the addresses.</param>
public sealed record RouterFooting(string Master, MasterChoice Choice, IPNetwork Network, ValueList<FootingGateway> Gateways);

/// <summary>A gateway in use.</summary>
/// <param name="Network">The network of the address that it belongs to.</param>
/// <param name="Gateway">The gateway.</param>
/// <param name="IsInferred">Whether the spec does not name it.</param>
public sealed record FootingGateway(IPNetwork Network, IPAddress Gateway, bool IsInferred);

/// <summary>What a router is already, as far as its plan depends on it.</summary>
public sealed record RouterStanding
{
    /// <summary>A router of which nothing is there, nor known.</summary>
    public static readonly RouterStanding None = new();

    /// <summary>Where it stood when it was in force last; null when that is not known.</summary>
    public RouterFooting? Footing { get; init; }

    /// <summary>The interface index of the link below its macvlan; null when it has none, or somebody else made that.</summary>
    public int? MasterIndex { get; init; }

    /// <summary>The families in which it serves.</summary>
    public ValueList<AddressFamily> Families { get; init; } = [];

    /// <summary>The addresses on its macvlan.</summary>
    public ValueList<InterfaceAddress> Addresses { get; init; } = [];

    /// <summary>Those of the default routes over its macvlan.</summary>
    public ValueList<IPAddress> Gateways { get; init; } = [];

    /// <param name="footing">Where it stood when it was in force last.</param>
    /// <param name="observed">What the kernel has of it.</param>
    /// <param name="settled">What was in force last, by this agent.</param>
    public static RouterStanding Of(RouterFooting? footing, ObservedRouter observed, DesiredRouter? settled)
    {
        int? master = observed.Macvlan is { MasterIndex: > 0 and var index } && (settled is null || settled.Macvlan.MasterIndex == index) ? index : null;
        return new RouterStanding
        {
            Footing = footing,
            MasterIndex = master,
            Families =
            [
                .. observed.Addresses.Concat(observed.UnmarkedAddresses).Where(entry => entry is { Side: NetworkSide.Router, Link: RouterNames.InsideLink }).Select(entry => entry.Address.Family)
                    .Concat(settled?.Redirect.Families.Select(family => family.Family) ?? []).Distinct().Order(),
            ],
            Addresses =
            [
                .. observed.Addresses.Concat(observed.UnmarkedAddresses).Where(entry => entry.Link == RouterNames.OutsideLink).Select(entry => entry.Address),
            ],
            Gateways = footing is not null || master is null ? [] : [.. observed.DefaultGateways],
        };
    }
}
