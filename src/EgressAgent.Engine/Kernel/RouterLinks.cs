using System.Net.NetworkInformation;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>Makes, configures and removes the two links of a router: the macvlan, and the veth pair with one end on the node.</summary>
internal sealed class RouterLinks(
    RouterKey key, AgentOwner owner, Ownership ownership, NetworkNamespace node, RouteNetlink nodeRoute, RouterNetns netns, Fence fence)
{
    private readonly string _nodeLink = RouterNames.NodeLink(key);

    // The fence's program at the macvlan, as it was found to be the right one last.
    private uint _fenceProgram;

    // Both get their MAC address with their life: one that the kernel chose udev replaces a moment later, and with it what neighbours
    // learned. They are derived, so that neighbours also keep what they learned when the pair is made anew.
    internal void CreateVeth(DesiredVeth veth) => nodeRoute.AddVeth(new NewVeth
    {
        Name = veth.NodeLink,
        PeerName = RouterNames.InsideLink,
        PeerNetns = netns.Namespace,
        Mtu = veth.Mtu,
        MacAddress = MacOf(veth.NodeLink),
        PeerMacAddress = MacOf(RouterNames.InsideLink),
        PeerGroup = LinkGroups.Inside,
    });

    internal void ConfigureVeth(DesiredVeth veth)
    {
        Link outer = nodeRoute.GetRequiredLink(veth.NodeLink);
        if (!outer.AltNames.Contains(veth.AltName))
        {
            nodeRoute.AddLinkAltName(outer.Index, veth.AltName);
        }

        if (outer.Alias != ownership.Mark)
        {
            nodeRoute.SetLinkAlias(outer.Index, ownership.Mark);
        }

        // Nobody else is on this cable. While a link-local address is tentative, forwarded IPv6 packets have no source to ask for their
        // next hop's MAC from, and the first clients would be told that the router is unreachable.
        Sysctl.Set(netns.Namespace, $"net/ipv6/conf/{RouterNames.InsideLink}/accept_dad", 0);
        Sysctl.Set(node, $"net/ipv6/conf/{veth.NodeLink}/accept_dad", 0);
        LinkSettings.SetMtuAndUp(netns.Route, netns.Route.GetRequiredLink(RouterNames.InsideLink), veth.Mtu);
        LinkSettings.SetMtuAndUp(nodeRoute, outer, veth.Mtu);
    }

    internal void RemoveVeth()
    {
        if (nodeRoute.GetLink(_nodeLink) is { } outer)
        {
            RemoveMacvlanOfPeer(outer);
            nodeRoute.RemoveLink(outer.Index);
        }

        if (netns.IsOpen)
        {
            netns.Route.RemoveLinkByName(RouterNames.InsideLink);
        }
    }

    // Made under a name that nothing on the node has, as kernels before 6.15 look there too, and given its own in the netns.
    internal void CreateMacvlan(DesiredMacvlan macvlan)
    {
        string temporary = $"m{_nodeLink}";
        netns.Route.RemoveLinkByName(temporary);
        try
        {
            nodeRoute.AddMacvlan(new NewMacvlan
            {
                Name = temporary,
                ParentIndex = macvlan.MasterIndex,
                Netns = netns.Namespace,
                Mode = KernelEntries.ToKernel(macvlan.Mode),
                MacAddress = macvlan.Mac,
                Mtu = macvlan.Mtu,
                Group = LinkGroups.Outside,
            });
        }
        catch (LinuxException refusal) when (WhyTaken(macvlan, refusal.Errno) is not null)
        {
            throw new MasterTakenException(WhyTaken(macvlan, refusal.Errno)!);
        }

        int index = netns.Route.GetRequiredLink(temporary).Index;
        if (macvlan.IsFenced)
        {
            fence.Attach(key, netns.Route, index);
        }

        netns.Route.RenameLink(index, RouterNames.OutsideLink);
    }

    /// <summary>Whether the macvlan is behind this agent's fence.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal bool IsFenced(Link macvlan) => fence.IsAttached(key, netns.Route, macvlan.Index, ref _fenceProgram);

    internal void FenceMacvlan(bool isFenced)
    {
        int index = netns.Route.GetRequiredLink(RouterNames.OutsideLink).Index;
        if (!isFenced)
        {
            netns.Route.RemoveEgressProgram(index);
            return;
        }

        try
        {
            fence.Attach(key, netns.Route, index);
        }
        catch (LinuxException)
        {
            netns.Route.SetLinkUp(index, up: false);
            throw;
        }
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

        LinkSettings.SetMtuAndUp(netns.Route, link, macvlan.Mtu, up: macvlan.IsUp);
    }

    internal void RemoveMacvlan()
    {
        if (netns.IsOpen)
        {
            netns.Route.RemoveLinkByName(RouterNames.OutsideLink);
        }
    }

    private PhysicalAddress MacOf(string link) => InsideAddressAllocator.DeriveMac($"{owner.Id} {link}", key);

    // The other end may be in a netns that lost its name while no agent ran. It lives on where something holds it, and its macvlan
    // would have the router's MAC and answer for its address.
    private void RemoveMacvlanOfPeer(Link outer)
    {
        if (ownership.IsPeerOurs(outer, nodeRoute) && nodeRoute.GetLinkIn(outer.ParentNetnsId!.Value, RouterNames.OutsideLink) is { } macvlan)
        {
            nodeRoute.RemoveLinkIn(outer.ParentNetnsId.Value, macvlan.Index);
        }
    }

    // macvlan_common_newlink and macvlan_port_create of drivers/net/macvlan.c: what else the numbers may mean, a plan has ruled out.
    private string? WhyTaken(DesiredMacvlan macvlan, Errno errno)
    {
        if (errno == Errno.EBUSY)
        {
            return $"another driver has {macvlan.Master} (an ipvlan, a bridge or a bond); take it off there, or name another master";
        }

        if (errno != Errno.EINVAL)
        {
            return null;
        }

        Link[] others = [.. nodeRoute.GetLinks().Where(link => link.Kind is "macvlan" or "macvtap" && link.ParentIndex == macvlan.MasterIndex)];
        string who = others.Length > 0 ? string.Join(", ", others.Select(link => link.Name)) : "one in another network namespace (a container or a virtual machine may have it)";
        return KernelEntries.ToKernel(macvlan.Mode) == MacvlanMode.Passthru
            ? $"passthru mode means to have {macvlan.Master} alone, and there is another macvlan on it: {who}; remove that, name another master, or choose mode Bridge"
            : $"another macvlan has {macvlan.Master} in passthru mode, which means alone: {who}; remove that, or name another master";
    }
}
