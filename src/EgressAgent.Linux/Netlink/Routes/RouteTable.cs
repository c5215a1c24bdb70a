namespace EgressAgent.Linux.Netlink.Routes;

/// <summary>
/// Numbers of the routing tables that every namespace has; RT_TABLE_* of linux/rtnetlink.h. Any other number may be used too.
/// </summary>
public static class RouteTable
{
    public const uint Default = 253;

    public const uint Main = 254;

    /// <summary>Kept by the kernel: local and broadcast addresses.</summary>
    public const uint Local = 255;
}
