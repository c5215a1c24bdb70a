using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>Makes, configures and removes the two links of a router: the macvlan, and the veth pair with one end on the node.</summary>
internal sealed class RouterLinks(string nodeLink, NetworkNamespace node, RouteNetlink nodeRoute, RouterNetns netns)
{
    internal void CreateVeth(DesiredVeth veth) => nodeRoute.AddVeth(new NewVeth
    {
        Name = veth.NodeLink,
        PeerName = RouterNames.InsideLink,
        PeerNetns = netns.Namespace,
        Mtu = veth.Mtu,
    });

    internal void ConfigureVeth(DesiredVeth veth)
    {
        Link outer = nodeRoute.GetRequiredLink(veth.NodeLink);
        if (!outer.AltNames.Contains(veth.AltName))
        {
            nodeRoute.AddLinkAltName(outer.Index, veth.AltName);
        }

        // Nobody else is on this cable. While a link-local address is tentative, forwarded IPv6 packets have no source to ask for their
        // next hop's MAC from, and the first clients would be told that the router is unreachable.
        Sysctl.Set(netns.Namespace, $"net/ipv6/conf/{RouterNames.InsideLink}/accept_dad", 0);
        Sysctl.Set(node, $"net/ipv6/conf/{veth.NodeLink}/accept_dad", 0);
        SetMtuAndUp(netns.Route, netns.Route.GetRequiredLink(RouterNames.InsideLink), veth.Mtu);
        SetMtuAndUp(nodeRoute, outer, veth.Mtu);
    }

    internal void RemoveVeth()
    {
        nodeRoute.RemoveLinkByName(nodeLink);
        if (netns.IsOpen)
        {
            netns.Route.RemoveLinkByName(RouterNames.InsideLink);
        }
    }

    // Made under a name that nothing on the node has, as kernels before 6.15 look there too, and given its own in the netns.
    internal void CreateMacvlan(DesiredMacvlan macvlan)
    {
        string temporary = $"m{nodeLink}";
        netns.Route.RemoveLinkByName(temporary);
        nodeRoute.AddMacvlan(new NewMacvlan
        {
            Name = temporary,
            ParentIndex = macvlan.MasterIndex,
            Netns = netns.Namespace,
            Mode = KernelEntries.ToKernel(macvlan.Mode),
            MacAddress = macvlan.Mac,
            Mtu = macvlan.Mtu,
        });
        netns.Route.RenameLink(netns.Route.GetRequiredLink(temporary).Index, RouterNames.OutsideLink);
    }

    internal void ConfigureMacvlan(DesiredMacvlan macvlan)
    {
        Link link = netns.Route.GetRequiredLink(RouterNames.OutsideLink);
        if (link.MacvlanMode != KernelEntries.ToKernel(macvlan.Mode))
        {
            netns.Route.SetMacvlanMode(link.Index, KernelEntries.ToKernel(macvlan.Mode));
        }

        if (macvlan.Mac is { } mac && !mac.Equals(link.MacAddress))
        {
            netns.Route.SetLinkMac(link.Index, mac);
        }

        SetMtuAndUp(netns.Route, link, macvlan.Mtu);
    }

    internal void RemoveMacvlan()
    {
        if (netns.IsOpen)
        {
            netns.Route.RemoveLinkByName(RouterNames.OutsideLink);
        }
    }

    private static void SetMtuAndUp(RouteNetlink route, Link link, int mtu)
    {
        if (link.Mtu != mtu)
        {
            route.SetLinkMtu(link.Index, mtu);
        }

        if (!link.IsUp)
        {
            route.SetLinkUp(link.Index, up: true);
        }
    }
}
