namespace EgressAgent.Linux.Netlink.Routes;

/// <summary>Who made a route or rule; RTPROT_* of linux/rtnetlink.h. Numbers without a name belong to routing daemons.</summary>
public enum RouteProtocol : byte
{
    Unspecified = 0,

    /// <summary>By an ICMP redirect.</summary>
    Redirect = 1,

    /// <summary>By the kernel, for an address.</summary>
    Kernel = 2,

    /// <summary>While the machine was configured; what <c>ip route add</c> gives and <c>ip route</c> does not print.</summary>
    Boot = 3,

    /// <summary>By the administrator, against routing daemons.</summary>
    Static = 4,

    /// <summary>By a router advertisement.</summary>
    RouterAdvertisement = 9,
    Dhcp = 16,
}
