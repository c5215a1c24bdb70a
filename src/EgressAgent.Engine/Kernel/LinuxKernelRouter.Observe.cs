using System.Net;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Linux.Netlink.Rules;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

internal sealed partial class LinuxKernelRouter
{
    // The settings that a router may want; which values is the plan's business.
    private static readonly string[] SysctlKeys = [.. RouterSysctls.Compile(hasIPv6: true).Select(entry => entry.Key)];

    public ObservedRouter Observe()
    {
        Link? outer = _nodeRoute.GetLink(_nodeLink);
        IReadOnlyList<Route> nodeRoutes = _nodeRoute.GetRoutes(RouteTable.Main);
        if (!OpenNetns())
        {
            return new ObservedRouter
            {
                HeldNetworks = HeldNetworks.In(nodeRoutes),
                HasStaleName = NetworkNamespace.GetState(_netnsName) == NamedNamespaceState.Stale,
                HasStrayVethEnd = outer is not null,
            };
        }

        Dictionary<string, Link> links = Route.GetLinks().ToDictionary(link => link.Name);
        links.TryGetValue(RouterNames.InsideLink, out Link? inner);
        links.TryGetValue(RouterNames.OutsideLink, out Link? outside);
        bool isPair = outer is { Kind: "veth" } && inner is { Kind: "veth" } && outer.ParentIndex == inner.Index && inner.ParentIndex == outer.Index;

        IReadOnlyList<LinkAddress> routerAddresses = Route.GetAddresses();
        IReadOnlyList<LinkAddress> outerAddresses = outer is null ? [] : _nodeRoute.GetAddresses(outer.Index);
        List<(NetworkSide Side, string Link, LinkAddress Address)> addresses =
        [
            .. Addresses(NetworkSide.Router, routerAddresses, links.Values),
            .. outer is null ? [] : Addresses(NetworkSide.Node, outerAddresses, [outer]),
        ];

        if (outside is null)
        {
            _defence.Stop();
        }
        else
        {
            HearOthers(outside, routerAddresses.Where(address => address.LinkIndex == outside.Index).Select(address => address.Address));
        }

        (IPAddress Address, TimeSpan DueIn)[] announcements = DueAnnouncements(outside, routerAddresses);

        // Who holds a duplicate is asked for from the link-local address, so it is no duplicate until that is ready.
        bool canAsk = !routerAddresses.Any(address => address.LinkIndex == outside?.Index && address.Address.IsIPv6LinkLocal && IsDetecting(address));
        return new ObservedRouter
        {
            HeldNetworks = HeldNetworks.In(nodeRoutes),
            HasNetns = true,
            IsLoopbackUp = links.TryGetValue("lo", out Link? loopback) && loopback.IsUp,
            Veth = isPair ? ObserveVeth(outer!, inner!) : null,
            HasStrayVethEnd = !isPair && (outer is not null || inner is not null),
            Macvlan = outside is null ? null : ObserveMacvlan(outside),
            Redirect = _redirect.Observe(Netns),
            Shortcomings = _redirect.Shortcomings,
            Sysctls = ObserveSysctls(),
            Addresses = addresses.Where(entry => !(entry.Address.HasDadFailed && canAsk)).Select(ToEntry).ToValueList(),
            DuplicateAddresses = addresses.Where(entry => entry.Address.HasDadFailed && canAsk).Select(ToEntry).ToValueList(),
            IsDetectingDuplicates = addresses.Any(entry => IsDetecting(entry.Address) || (entry.Address.HasDadFailed && !canAsk))
                || IsNodeEndDetecting(outerAddresses),
            Contested = _defence.Contested,
            Unannounced = announcements.Where(due => due.DueIn == TimeSpan.Zero).Select(due => due.Address).ToValueList(),
            NextAnnouncement = announcements.Where(due => due.DueIn > TimeSpan.Zero).Select(due => (TimeSpan?)due.DueIn).Min(),
            Routes =
            [
                .. Routes(NetworkSide.Router, Route.GetRoutes(), links.Values),
                .. outer is null ? [] : Routes(NetworkSide.Node, nodeRoutes, [outer]),
            ],
            Rules = Route.GetRules().Select(ToEntry).ToValueList(),
        };
    }

    private (IPAddress Address, TimeSpan DueIn)[] DueAnnouncements(Link? outside, IEnumerable<LinkAddress> addresses)
    {
        if (outside is null || !CanAnnounce(outside))
        {
            return [];
        }

        Attachment attachment = AttachmentOf(outside);
        return [.. from address in addresses
                   where address.LinkIndex == outside.Index && !address.HasDadFailed
                   let dueIn = AnnouncementDueIn(address.Address, attachment)
                   where dueIn is not null
                   select (address.Address, dueIn.Value)];
    }

    private static bool IsDetecting(LinkAddress address) => address is { IsTentative: true, HasDadFailed: false };

    // From its link-local address the node asks for the router's inside one. A node that insists on duplicate detection everywhere
    // (net.ipv6.conf.all.accept_dad) has to be waited for.
    private static bool IsNodeEndDetecting(IReadOnlyList<LinkAddress> addresses) =>
        addresses.Any(address => address.Address is { IsIPv4: false, IsIPv6LinkLocal: false }) && addresses.Any(IsDetecting);

    private ObservedVeth ObserveVeth(Link outer, Link inner) => new(
        outer.Index, outer.AltNames.Contains(RouterNames.NodeLinkAltName(_key)), outer.Mtu, inner.Mtu, outer.IsUp, inner.IsUp);

    // An interface of that name that is no macvlan has no mode and no master: the difference makes the diff replace it.
    private static ObservedMacvlan ObserveMacvlan(Link link) => new(
        link.Kind == "macvlan" ? link.ParentIndex ?? 0 : 0, ToModel(link.MacvlanMode), link.MacAddress, link.Mtu, link.IsUp, link.HasCarrier);

    private static Model.Resources.MacvlanMode ToModel(Linux.Netlink.Links.MacvlanMode? mode) => mode switch
    {
        Linux.Netlink.Links.MacvlanMode.Private => Model.Resources.MacvlanMode.Private,
        Linux.Netlink.Links.MacvlanMode.Vepa => Model.Resources.MacvlanMode.VEPA,
        Linux.Netlink.Links.MacvlanMode.Passthru => Model.Resources.MacvlanMode.Passthru,
        _ => Model.Resources.MacvlanMode.Bridge,
    };

    private ValueList<SysctlEntry> ObserveSysctls() => SysctlKeys
        .Select(key => Sysctl.Get(Netns, key) is { } value ? new SysctlEntry(key, value) : null)
        .OfType<SysctlEntry>().ToValueList();

    private static IEnumerable<(NetworkSide Side, string Link, LinkAddress Address)> Addresses(
        NetworkSide side, IEnumerable<LinkAddress> addresses, IEnumerable<Link> links) =>
        from address in addresses
        where !address.Address.IsIPv6LinkLocal
        join link in links on address.LinkIndex equals link.Index
        where !link.IsLoopback
        select (side, link.Name, address);

    private static AddressEntry ToEntry((NetworkSide Side, string Link, LinkAddress Address) found) =>
        new(found.Side, found.Link, new InterfaceAddress(found.Address.Address, found.Address.PrefixLength));

    private static IEnumerable<RouteEntry> Routes(NetworkSide side, IEnumerable<Route> routes, IEnumerable<Link> links) =>
        from route in routes
        where route.Type == RouteType.Unicast && route.Table is RouteTable.Main or RouteEntry.ReturnTable
        where !route.Destination.BaseAddress.IsIPv6LinkLocal && !route.Destination.BaseAddress.IsIPv6Multicast
        join link in links on route.OutputLinkIndex equals link.Index
        select new RouteEntry(side, route.Destination, route.Gateway, link.Name, (int)route.Table)
        {
            PreferredSource = route.PreferredSource,
            IsKernelMade = route.Protocol == RouteProtocol.Kernel,
            IsLinkScope = route.Scope == RouteScope.Link,
        };

    private static RuleEntry ToEntry(PolicyRule rule) => new(
        rule.Family, (int)rule.Priority, rule.InputLinkName, rule.MarkMask == 0 ? null : rule.Mark, (int)rule.Table)
    {
        Action = (Model.Planning.RuleAction)rule.Action,
        MarkMask = rule.MarkMask == 0 ? uint.MaxValue : rule.MarkMask,
        Source = rule.Source,
    };
}
