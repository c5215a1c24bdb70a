using System.Net;
using EgressAgent.Engine.Redirect;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// Reads what the kernel has of one router: from its netns, and from what is known of the node. It changes nothing.
/// </summary>
internal sealed class RouterObserver(
    RouterKey key, RouterEars ears, Ownership ownership, NetworkNamespace node, RouteNetlink nodeRoute, RouterNetns netns, NodeState nodeState, ServiceCable serviceCable,
    RedirectEngine redirect, AddressClaims claims, GatewayWatch gateways, RouterLinks routerLinks)
{
    // The settings that a router may want; which values is the plan's business.
    private static readonly SettingsReader Settings = new([.. RouterSysctls.Keys, .. NodeSettings.Keys]);

    private readonly string _nodeLink = RouterNames.NodeLink(key);

    /// <param name="known">The settings of a netns, where nothing can have changed them since they were read; null to read them.</param>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal ObservedRouter Observe(KnownSettings? known = null)
    {
        NodeEnd end = nodeState.EndOf(_nodeLink, RouterNames.NodeLinkAltName(key));
        if (!netns.Follow())
        {
            string? taken = WhyTaken(end, isPair: false);
            return new ObservedRouter
            {
                HeldNetworks = end.HeldNetworks,
                HasNamelessNetns = netns.HasNameless,
                NamelessHolders = NamelessHolders(),
                HasStaleName = NetworkNamespace.GetState(RouterNames.Netns(key)) == NamedNamespaceState.Stale,
                HasStrayVethEnd = end.Link is not null && taken is null,
                WhyForeign = netns.WhyForeign ?? taken,
            };
        }

        Dictionary<string, Link> links = netns.Route.GetLinks().ToDictionary(link => link.Name);
        links.TryGetValue(RouterNames.InsideLink, out Link? inner);
        links.TryGetValue(RouterNames.OutsideLink, out Link? outside);
        links.TryGetValue("lo", out Link? loopback);
        int? nodeId = netns.Route.GetNetnsId(node);
        Link? outer = end.Link;
        bool isPair = inner is not null && inner.IsVethPeerOf(outer) && inner.ParentNetnsId == nodeId;
        if (WhyTaken(end, isPair) is { } why)
        {
            return new ObservedRouter
            {
                HeldNetworks = end.HeldNetworks,
                HasNetns = true,
                HasNamelessNetns = netns.HasNameless,
                NamelessHolders = NamelessHolders(),
                WhyForeign = why,
            };
        }

        links.TryGetValue(RouterNames.ServiceLink, out Link? service);
        ServiceLink? serviceLink = service is null ? null : serviceCable.Observe(service);

        IReadOnlyList<LinkAddress> routerAddresses = netns.Route.GetAddresses();
        List<(NetworkSide Side, string Link, LinkAddress Address)> addresses =
        [
            .. Addresses(NetworkSide.Router, routerAddresses, links.Values),
            .. outer is null ? [] : Addresses(NetworkSide.Node, end.Addresses, [outer]),
        ];

        IReadOnlyList<(IPAddress Address, TimeSpan DueIn)> announcements = outside is null ? [] : claims.DueAnnouncements(outside, routerAddresses);

        // What bears no mark somebody else put there, or an earlier version of the agent: then nothing bears one.
        bool isAnyMarked = addresses.Any(entry => KernelEntries.IsOurs(entry.Address));
        (NetworkSide Side, string Link, LinkAddress Address)[] unmarked = isAnyMarked ? [] : [.. addresses.Where(entry => !KernelEntries.IsOurs(entry.Address))];
        addresses.RemoveAll(entry => !KernelEntries.IsOurs(entry.Address));

        // Who holds a duplicate is asked for from the link-local address, so it is no duplicate until that is ready.
        bool canAsk = !routerAddresses.Any(address => address.LinkIndex == outside?.Index && address.Address.IsIPv6LinkLocal && IsDetecting(address));
        RedirectPlan? inForce = redirect.Observe(netns.Namespace);
        return new ObservedRouter
        {
            HeldNetworks = end.HeldNetworks,
            HasNetns = true,
            IsUnmarked = loopback?.Alias != ownership.Mark,
            HasNamelessNetns = netns.HasNameless,
            NamelessHolders = NamelessHolders(),
            IsClaimed = loopback?.AltNames.Contains(RouterNames.ClaimMark) == true,
            IsLoopbackUp = loopback is { IsUp: true },
            Veth = isPair ? ObserveVeth(outer!, inner!) : null,
            HasStrayVethEnd = !isPair && (outer is not null || inner is not null),
            Macvlan = outside is null ? null : ObserveMacvlan(outside, nodeId),
            Ungrouped = [.. LinkGroups.All.Where(group => links.TryGetValue(group.Key, out Link? link) && link.Group != group.Value).Select(group => group.Key)],
            ServiceLink = serviceLink,
            HasStrayServiceLinkEnd = service is not null && serviceLink is null,
            Redirect = inForce,
            OffloadedLinks = RedirectEngine.FindOffloadedLinks(inForce, netns.Namespace),
            Shortcomings = [.. redirect.Shortcomings, .. ears.LimitsReached],
            Sysctls = known is not null && known.Netns == netns.Namespace.Id ? known.Settings : Settings.Read(netns.Namespace),
            Addresses = addresses.Where(entry => !(entry.Address.HasDadFailed && canAsk)).Select(ToEntry).ToValueList(),
            UnmarkedAddresses = unmarked.Select(ToEntry).ToValueList(),
            DuplicateAddresses = addresses.Where(entry => entry.Address.HasDadFailed && canAsk).Select(ToEntry).ToValueList(),
            IsNodeEndDetecting = IsNodeEndDetecting(end.Addresses),
            Tentative = [.. addresses.Where(entry => IsDetecting(entry.Address) || (entry.Address.HasDadFailed && !canAsk)).Select(ToEntry)],
            Heard = outside is null ? [] : claims.HeardOn(outside),
            AskedGateways = outside is null ? [] : gateways.AskedOn(netns, outside.Index),
            Contested = claims.Contested,
            Suspected = claims.Suspected,
            Unannounced = announcements.Where(due => due.DueIn == TimeSpan.Zero).Select(due => due.Address).ToValueList(),
            NextAnnouncement = announcements.Where(due => due.DueIn > TimeSpan.Zero).Select(due => (TimeSpan?)due.DueIn).Min(),
            Routes =
            [
                .. KernelEntries.ToEntries(NetworkSide.Router, netns.Route.GetRoutes(), links.Values),
                .. outer is null ? [] : KernelEntries.ToEntries(NetworkSide.Node, end.Routes, [outer]),
            ],
            Rules = netns.Route.GetRules().Select(KernelEntries.ToEntry).ToValueList(),
        };
    }

    private ValueList<string> NamelessHolders() => netns.HasNameless ? netns.FindHolders().ToValueList() : [];

    // The other end of a pair is in the router's netns, and so it is the router's: version 0.1.0 left no mark on it.
    private string? WhyTaken(NodeEnd end, bool isPair) => (isPair ? null : WhyForeign(end.Link)) ?? WhyForeign(end.OtherOfAltName);

    private string? WhyForeign(Link? link) => link is null ? null : ownership.WhyForeign(link, nodeRoute);

    private static bool IsDetecting(LinkAddress address) => address is { IsTentative: true, HasDadFailed: false };

    // From its link-local address the node asks for the router's inside one. A node that insists on duplicate detection everywhere
    // (net.ipv6.conf.all.accept_dad) has to be waited for.
    private static bool IsNodeEndDetecting(IReadOnlyList<LinkAddress> addresses) =>
        addresses.Any(address => address.Address is { IsIPv4: false, IsIPv6LinkLocal: false }) && addresses.Any(IsDetecting);

    private ObservedVeth ObserveVeth(Link outer, Link inner) => new(
        outer.Index, outer.AltNames.Contains(RouterNames.NodeLinkAltName(key)), outer.Mtu, inner.Mtu, outer.IsUp, inner.IsUp)
    {
        IsUnmarked = outer.Alias != ownership.Mark,
    };

    // An interface of that name that is no macvlan has no mode and no master: the difference makes the diff replace it. Nor has one whose
    // master went to another netns: another link of the node may have the master's old index by now.
    private ObservedMacvlan ObserveMacvlan(Link link, int? nodeId) => new(
        link.Kind == "macvlan" && nodeId is not null && link.ParentNetnsId == nodeId ? link.ParentIndex ?? 0 : 0, KernelEntries.ToModel(link.MacvlanMode), link.MacAddress, link.Mtu, link.IsUp, link.HasCarrier)
    {
        IsFenced = routerLinks.IsFenced(link),
    };

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

/// <summary>What the settings of a router's netns were at the last look.</summary>
/// <param name="Netns">Which one, that is still held.</param>
/// <param name="Settings">All that a router may want.</param>
internal sealed record KnownSettings(NetworkNamespaceId Netns, ValueList<SysctlEntry> Settings);
