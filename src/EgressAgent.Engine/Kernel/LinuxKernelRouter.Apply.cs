using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Linux.Netlink.Rules;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using DatapathKind = EgressAgent.Model.Resources.DatapathKind;

namespace EgressAgent.Engine.Kernel;

internal sealed partial class LinuxKernelRouter
{
    public void Apply(RouterStep step)
    {
        switch (step)
        {
            case HoldInsideNetwork hold:
                HeldNetworks.Hold(_nodeRoute, hold.Network);
                break;
            case CreateNetns create:
                CreateNetns(create.Name);
                break;
            case SetSysctl set:
                // A kernel without IPv6 has none of its settings, and none of its packets.
                Sysctl.Set(Netns, set.Entry.Key, set.Entry.Value);
                break;
            case ApplyRedirect apply:
                HearFlowsEnd(apply.Plan);
                _redirect.Apply(apply.Plan, Netns);
                break;
            case SetLoopbackUp:
                Route.SetLinkUp(RequiredLink(Route, "lo").Index, up: true);
                break;
            case RemoveVeth:
                RemoveLink(_nodeRoute, _nodeLink);
                RemoveLink(_route, RouterNames.InsideLink);
                break;
            case CreateVeth create:
                CreateVeth(create.Veth);
                break;
            case ConfigureVeth configure:
                ConfigureVeth(configure.Veth);
                break;
            case RemoveMacvlan:
                RemoveLink(_route, RouterNames.OutsideLink);
                break;
            case CreateMacvlan create:
                CreateMacvlan(create.Macvlan);
                break;
            case ConfigureMacvlan configure:
                ConfigureMacvlan(configure.Macvlan);
                break;
            case CutOffMacvlan:
                Route.SetLinkUp(RequiredLink(Route, RouterNames.OutsideLink).Index, up: false);
                break;
            case AddInsideAddress add:
                AddAddress(add.Entry, AddressFlags.NoDad);
                break;
            case ClaimAddress claim:
                Claim(claim);
                break;
            case RemoveAddress remove:
                RouteNetlinkOf(remove.Entry.Side).RemoveAddress(ToKernel(remove.Entry));
                break;
            case SetRoute set:
                RouteNetlinkOf(set.Entry.Side).ReplaceRoute(ToKernel(set.Entry));
                break;
            case RemoveRoute remove:
                RemoveRoutes(remove.Entry);
                break;
            case AddRule add:
                Route.AddRule(ToKernel(add.Entry));
                break;
            case RemoveRule remove:
                RemoveRules(remove.Entry);
                break;
            case Announce announce:
                AnnounceAddress(announce.Address);
                break;
            case RecheckAddress recheck:
                _defence.Rechecked(recheck.Address, FindHolder(RequiredLink(Route, RouterNames.OutsideLink), recheck.Address));
                break;
            case DeleteNetns delete:
                _redirect.Stop();
                CloseNetns();
                NetworkNamespace.Delete(delete.Name);
                break;
            default:
                throw new ArgumentException($"unknown step {step.GetType().Name}", nameof(step));
        }
    }

    // Before the first of them begins. What goes through the relay the relay counts itself.
    private void HearFlowsEnd(RedirectPlan plan)
    {
        if (plan.Datapath == DatapathKind.Kernel)
        {
            _monitor.FlowEnds?.Listen(_key, Netns);
        }
        else
        {
            _monitor.FlowEnds?.Stop(_key);
        }
    }

    private void CreateNetns(string name)
    {
        // A name without a namespace behind it is what a crash in the middle of making one, or a lost mount, leaves.
        if (NetworkNamespace.GetState(name) == NamedNamespaceState.Stale)
        {
            NetworkNamespace.Delete(name);
        }

        NetworkNamespace.TryCreate(name)?.Dispose();
        if (!OpenNetns())
        {
            throw new LinuxException("open network namespace", name, Errno.ENOENT);
        }
    }

    private void CreateVeth(DesiredVeth veth) => _nodeRoute.AddVeth(new NewVeth
    {
        Name = veth.NodeLink,
        PeerName = RouterNames.InsideLink,
        PeerNetns = Netns,
        Mtu = veth.Mtu,
    });

    private void ConfigureVeth(DesiredVeth veth)
    {
        Link outer = RequiredLink(_nodeRoute, veth.NodeLink);
        if (!outer.AltNames.Contains(veth.AltName))
        {
            _nodeRoute.AddLinkAltName(outer.Index, veth.AltName);
        }

        // Nobody else is on this cable. While a link-local address is tentative, forwarded IPv6 packets have no source to ask for their
        // next hop's MAC from, and the first clients would be told that the router is unreachable.
        Sysctl.Set(Netns, $"net/ipv6/conf/{RouterNames.InsideLink}/accept_dad", 0);
        Sysctl.Set(_node, $"net/ipv6/conf/{veth.NodeLink}/accept_dad", 0);
        SetMtuAndUp(Route, RequiredLink(Route, RouterNames.InsideLink), veth.Mtu);
        SetMtuAndUp(_nodeRoute, outer, veth.Mtu);
    }

    // Made under a name that nothing on the node has, as kernels before 6.15 look there too, and given its own in the netns.
    private void CreateMacvlan(DesiredMacvlan macvlan)
    {
        string temporary = $"m{_nodeLink}";
        RemoveLink(_route, temporary);
        _nodeRoute.AddMacvlan(new NewMacvlan
        {
            Name = temporary,
            ParentIndex = macvlan.MasterIndex,
            Netns = Netns,
            Mode = ToKernel(macvlan.Mode),
            MacAddress = macvlan.Mac,
            Mtu = macvlan.Mtu,
        });
        Route.RenameLink(RequiredLink(Route, temporary).Index, RouterNames.OutsideLink);
    }

    private void ConfigureMacvlan(DesiredMacvlan macvlan)
    {
        Link link = RequiredLink(Route, RouterNames.OutsideLink);
        if (link.MacvlanMode != ToKernel(macvlan.Mode))
        {
            Route.SetMacvlanMode(link.Index, ToKernel(macvlan.Mode));
        }

        if (macvlan.Mac is { } mac && !mac.Equals(link.MacAddress))
        {
            Route.SetLinkMac(link.Index, mac);
        }

        SetMtuAndUp(Route, link, macvlan.Mtu);
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

    private void AddAddress(AddressEntry entry, AddressFlags flags) =>
        RouteNetlinkOf(entry.Side).AddAddress(ToKernel(entry) with { Flags = flags });

    private static void RemoveLink(RouteNetlink? route, string name)
    {
        if (route?.GetLink(name) is { } link)
        {
            route.RemoveLink(link.Index);
        }
    }

    private static Link RequiredLink(RouteNetlink route, string name) =>
        route.GetLink(name) ?? throw new LinuxException("find link", name, Errno.ENODEV);

    private RouteNetlink RouteNetlinkOf(NetworkSide side) => side == NetworkSide.Node ? _nodeRoute : Route;

    private int LinkIndex(NetworkSide side, string name) => RequiredLink(RouteNetlinkOf(side), name).Index;

    private LinkAddress ToKernel(AddressEntry entry) =>
        new(LinkIndex(entry.Side, entry.Link), entry.Address.Address, entry.Address.PrefixLength);

    private Route ToKernel(RouteEntry entry) => new(entry.Destination)
    {
        Table = (uint)entry.Table,
        Gateway = entry.Gateway,
        OutputLinkIndex = LinkIndex(entry.Side, entry.Link),
        PreferredSource = entry.PreferredSource,
        Scope = entry.IsLinkScope ? RouteScope.Link : RouteScope.Universe,
        Protocol = entry.IsKernelMade ? RouteProtocol.Kernel : RouteProtocol.Boot,
    };

    private static PolicyRule ToKernel(RuleEntry entry) => new(entry.Family, (uint)entry.Priority)
    {
        Table = (uint)entry.Table,
        InputLinkName = entry.IncomingLink,
        Mark = entry.Mark ?? 0,
        MarkMask = entry.Mark is null ? 0 : entry.MarkMask,
        Action = (Linux.Netlink.Rules.RuleAction)entry.Action,
        Source = entry.Source,

        // As the kernel makes it: else there would be two when it is added beside one that is there.
        Protocol = entry.IsBuiltIn ? RouteProtocol.Kernel : RouteProtocol.Boot,
    };

    // A route that somebody else made may have a protocol and a metric that an entry does not hold, so the kernel's own is
    // named to it.
    private void RemoveRoutes(RouteEntry entry)
    {
        RouteNetlink route = RouteNetlinkOf(entry.Side);
        if (route.GetLink(entry.Link) is not { } link)
        {
            return;
        }

        IReadOnlyList<Route> present = route.GetRoutes((uint)entry.Table, entry.Destination.BaseAddress.AddressFamily);
        foreach (Route found in present.Where(found => Routes(entry.Side, [found], [link]).Contains(entry)))
        {
            route.RemoveRoute(found);
        }
    }

    // A rule that somebody else made may have selectors that an entry does not hold, so the kernel's own is named to it.
    private void RemoveRules(RuleEntry entry)
    {
        foreach (PolicyRule rule in Route.GetRules(entry.Family).Where(rule => ToEntry(rule) == entry))
        {
            Route.RemoveRule(rule);
        }
    }

    private static MacvlanMode ToKernel(Model.Resources.MacvlanMode mode) => mode switch
    {
        Model.Resources.MacvlanMode.Bridge => MacvlanMode.Bridge,
        Model.Resources.MacvlanMode.Private => MacvlanMode.Private,
        Model.Resources.MacvlanMode.VEPA => MacvlanMode.Vepa,
        Model.Resources.MacvlanMode.Passthru => MacvlanMode.Passthru,
        _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, null),
    };
}
