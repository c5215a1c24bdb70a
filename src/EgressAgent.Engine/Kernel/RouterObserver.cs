using System.Net;
using EgressAgent.Engine.Redirect;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// Reads what the kernel has of one router: from its netns, and from what is known of the node. It changes nothing.
/// </summary>
internal sealed class RouterObserver(RouterKey key, RouterNetns netns, NodeState node, RedirectEngine redirect, AddressClaims claims)
{
    // The settings that a router may want; which values is the plan's business.
    private static readonly string[] SysctlKeys = [.. RouterSysctls.Compile(hasIPv6: true).Select(entry => entry.Key)];

    private readonly string _nodeLink = RouterNames.NodeLink(key);

    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal ObservedRouter Observe()
    {
        (Link? outer, IReadOnlyList<LinkAddress> outerAddresses, IReadOnlyList<Route> nodeRoutes, ValueList<IPNetwork> held) = node.EndOf(_nodeLink);
        if (!netns.Follow())
        {
            return new ObservedRouter
            {
                HeldNetworks = held,
                HasNamelessNetns = netns.HasNameless,
                HasStaleName = NetworkNamespace.GetState(RouterNames.Netns(key)) == NamedNamespaceState.Stale,
                HasStrayVethEnd = outer is not null,
            };
        }

        Dictionary<string, Link> links = netns.Route.GetLinks().ToDictionary(link => link.Name);
        links.TryGetValue(RouterNames.InsideLink, out Link? inner);
        links.TryGetValue(RouterNames.OutsideLink, out Link? outside);
        bool isPair = outer is { Kind: "veth" } && inner is { Kind: "veth" } && outer.ParentIndex == inner.Index && inner.ParentIndex == outer.Index;

        IReadOnlyList<LinkAddress> routerAddresses = netns.Route.GetAddresses();
        List<(NetworkSide Side, string Link, LinkAddress Address)> addresses =
        [
            .. Addresses(NetworkSide.Router, routerAddresses, links.Values),
            .. outer is null ? [] : Addresses(NetworkSide.Node, outerAddresses, [outer]),
        ];

        IReadOnlyList<(IPAddress Address, TimeSpan DueIn)> announcements = outside is null ? [] : claims.DueAnnouncements(outside, routerAddresses);

        // Who holds a duplicate is asked for from the link-local address, so it is no duplicate until that is ready.
        bool canAsk = !routerAddresses.Any(address => address.LinkIndex == outside?.Index && address.Address.IsIPv6LinkLocal && IsDetecting(address));
        return new ObservedRouter
        {
            HeldNetworks = held,
            HasNetns = true,
            HasNamelessNetns = netns.HasNameless,
            IsLoopbackUp = links.TryGetValue("lo", out Link? loopback) && loopback.IsUp,
            Veth = isPair ? ObserveVeth(outer!, inner!) : null,
            HasStrayVethEnd = !isPair && (outer is not null || inner is not null),
            Macvlan = outside is null ? null : ObserveMacvlan(outside),
            Redirect = redirect.Observe(netns.Namespace),
            Shortcomings = redirect.Shortcomings,
            Sysctls = ObserveSysctls(),
            Addresses = addresses.Where(entry => !(entry.Address.HasDadFailed && canAsk)).Select(ToEntry).ToValueList(),
            DuplicateAddresses = addresses.Where(entry => entry.Address.HasDadFailed && canAsk).Select(ToEntry).ToValueList(),
            IsDetectingDuplicates = addresses.Any(entry => IsDetecting(entry.Address) || (entry.Address.HasDadFailed && !canAsk))
                || IsNodeEndDetecting(outerAddresses),
            Heard = outside is null ? [] : claims.HeardOn(outside),
            Contested = claims.Contested,
            Unannounced = announcements.Where(due => due.DueIn == TimeSpan.Zero).Select(due => due.Address).ToValueList(),
            NextAnnouncement = announcements.Where(due => due.DueIn > TimeSpan.Zero).Select(due => (TimeSpan?)due.DueIn).Min(),
            Routes =
            [
                .. KernelEntries.ToEntries(NetworkSide.Router, netns.Route.GetRoutes(), links.Values),
                .. outer is null ? [] : KernelEntries.ToEntries(NetworkSide.Node, nodeRoutes, [outer]),
            ],
            Rules = netns.Route.GetRules().Select(KernelEntries.ToEntry).ToValueList(),
        };
    }

    private static bool IsDetecting(LinkAddress address) => address is { IsTentative: true, HasDadFailed: false };

    // From its link-local address the node asks for the router's inside one. A node that insists on duplicate detection everywhere
    // (net.ipv6.conf.all.accept_dad) has to be waited for.
    private static bool IsNodeEndDetecting(IReadOnlyList<LinkAddress> addresses) =>
        addresses.Any(address => address.Address is { IsIPv4: false, IsIPv6LinkLocal: false }) && addresses.Any(IsDetecting);

    private ObservedVeth ObserveVeth(Link outer, Link inner) => new(
        outer.Index, outer.AltNames.Contains(RouterNames.NodeLinkAltName(key)), outer.Mtu, inner.Mtu, outer.IsUp, inner.IsUp);

    // An interface of that name that is no macvlan has no mode and no master: the difference makes the diff replace it.
    private static ObservedMacvlan ObserveMacvlan(Link link) => new(
        link.Kind == "macvlan" ? link.ParentIndex ?? 0 : 0, KernelEntries.ToModel(link.MacvlanMode), link.MacAddress, link.Mtu, link.IsUp, link.HasCarrier);

    private ValueList<SysctlEntry> ObserveSysctls() => SysctlKeys
        .Select(key => Sysctl.Get(netns.Namespace, key) is { } value ? new SysctlEntry(key, value) : null)
        .OfType<SysctlEntry>().ToValueList();

    private static IEnumerable<(NetworkSide Side, string Link, LinkAddress Address)> Addresses(
        NetworkSide side, IEnumerable<LinkAddress> addresses, IEnumerable<Link> links) =>
        from address in addresses
        where !address.Address.IsIPv6LinkLocal
        join link in links on address.LinkIndex equals link.Index
        where !link.IsLoopback
        select (side, link.Name, address);

    private static AddressEntry ToEntry((NetworkSide Side, string Link, LinkAddress Address) found) =>
        KernelEntries.ToEntry(found.Side, found.Link, found.Address);
}
