using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Links;

namespace EgressAgent.Engine.Kernel;

/// <summary>Settings of links, asked for only where they differ.</summary>
internal static class LinkSettings
{
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    internal static void SetMtuAndUp(RouteNetlink route, Link link, int mtu, bool up = true)
    {
        if (link.Mtu != mtu)
        {
            route.SetLinkMtu(link.Index, mtu);
        }

        if (up && !link.IsUp)
        {
            route.SetLinkUp(link.Index, up: true);
        }
    }
}
