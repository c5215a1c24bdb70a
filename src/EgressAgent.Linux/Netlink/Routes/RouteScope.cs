namespace EgressAgent.Linux.Netlink.Routes;

/// <summary>How far a destination is, or an address is valid; RT_SCOPE_* of linux/rtnetlink.h.</summary>
public enum RouteScope : byte
{
    /// <summary>Anywhere (<c>global</c>).</summary>
    Universe = 0,
    Site = 200,

    /// <summary>Directly on the link.</summary>
    Link = 253,

    /// <summary>This host.</summary>
    Host = 254,
    Nowhere = 255,
}
