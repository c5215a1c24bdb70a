using System.Net;
using EgressAgent.Engine.Kernel;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;

namespace EgressAgent.Testing.FakeKernel;

/// <summary>One router in the fake kernel.</summary>
internal sealed partial class FakeKernelRouter(FakeKernel kernel, RouterKey key) : IKernelRouter
{
    private readonly string _netnsName = RouterNames.Netns(key);
    private readonly string _nodeLink = RouterNames.NodeLink(key);
    private readonly HashSet<IPAddress> _defended = [];
    private readonly HashSet<IPAddress> _heard = [];
    private FakeLink? _hearing;
    private FakeLink? _asking;
    private ValueList<IPAddress> _asked = [];
    private ValueList<ServiceLinkFamily> _serviceFamilies = [];
    private readonly HashSet<(FakeLink Link, IPAddress Address)> _announced = [];

    public ObservedRouter Observe() => kernel.Locked(() =>
    {
        FakeLink? outer = kernel.Node.Find(_nodeLink);
        if (kernel.FindNetns(_netnsName) is not { } netns)
        {
            return new ObservedRouter { HeldNetworks = [.. kernel.HeldNetworks], HasStrayVethEnd = outer is not null };
        }

        FakeLink? inner = netns.Find(RouterNames.InsideLink);
        FakeLink? service = netns.Find(RouterNames.ServiceLink);
        FakeLink? serviceOuter = service is null ? null : kernel.FindNetns(ServiceNames.Netns)?.Find(_nodeLink);
        bool isPair = outer?.Peer is { } peer && peer == inner;
        List<(AddressEntry Entry, FakeAddress Found)> addresses =
        [
            .. netns.Links.SelectMany(link => Addresses(NetworkSide.Router, link)),
            .. outer is null ? [] : Addresses(NetworkSide.Node, outer),
        ];
        return new ObservedRouter
        {
            HeldNetworks = [.. kernel.HeldNetworks],
            HasNetns = true,
            IsClaimed = netns.Link("lo").AltNames.Contains(RouterNames.ClaimMark),
            IsLoopbackUp = netns.Link("lo").IsUp,
            Veth = isPair ? new ObservedVeth(
                outer!.Index, outer.AltNames.Contains(RouterNames.NodeLinkAltName(key)), outer.Mtu, inner!.Mtu, outer.IsUp, inner.IsUp) : null,
            HasStrayVethEnd = !isPair && (outer is not null || inner is not null),
            ServiceLink = service is not null && serviceOuter == service.Peer && service.Peer is not null
                ? new ServiceLink(service.IsUp && serviceOuter!.IsUp ? service.Mtu : 0, _serviceFamilies)
                : null,
            HasStrayServiceLinkEnd = service is not null && (service.Peer is null || serviceOuter != service.Peer),
            Macvlan = netns.Find(RouterNames.OutsideLink) is { } link ? new ObservedMacvlan(
                link.Parent?.Index ?? 0, link.Mode, link.Mac, link.Mtu, link.IsUp, HasCarrier: link.Parent?.IsUp == true)
            {
                IsFenced = link.IsFenced,
            } : null,

            Ungrouped = [.. LinkGroups.All.Where(group => netns.Find(group.Key) is { } grouped && grouped.Group != group.Value).Select(group => group.Key)],

            // As the real datapath, this one knows only what it put there itself.
            Redirect = netns.RedirectWriter == this ? netns.Redirect : null,
            OffloadedLinks = netns.RedirectWriter == this && netns.Redirect?.OffloadsFlows == true ? [.. netns.Links.Where(link => link.IsOffloaded).Select(link => link.Name)] : null,
            Shortcomings = Shortcomings(netns.Redirect),
            Sysctls = [.. RouterSysctls.Keys.Select(key => netns.GetSysctl(key) is { } value ? new SysctlEntry(key, value) : null).OfType<SysctlEntry>()],
            Addresses = [.. addresses.Where(found => found.Found is { IsDuplicate: false, IsMarked: true }).Select(found => found.Entry)],
            UnmarkedAddresses = addresses.Any(found => found.Found.IsMarked) ? [] : [.. addresses.Select(found => found.Entry)],
            DuplicateAddresses = [.. addresses.Where(found => found.Found is { IsDuplicate: true, IsMarked: true }).Select(found => found.Entry)],
            AskedGateways = netns.Find(RouterNames.OutsideLink) is { } asking && asking == _asking ? _asked : [],
            Heard = netns.Find(RouterNames.OutsideLink) is { } hearing && hearing == _hearing ? [.. _heard] : [],
            Contested = netns.Find(RouterNames.OutsideLink) is { } outside ? Contested(outside) : [],
            Unannounced = netns.Find(RouterNames.OutsideLink) is { IsUp: true, Parent.IsUp: true } announcing
                ? [.. announcing.Addresses.Select(own => own.Address.Address).Where(own => !_announced.Contains((announcing, own)))] : [],
            Routes =
            [
                .. netns.Routes.Where(HasUsualMetric).Select(route => FakeNetns.ToEntry(route, NetworkSide.Router)),
                .. kernel.Node.Routes.Where(route => route.Link == outer && HasUsualMetric(route)).Select(route => FakeNetns.ToEntry(route, NetworkSide.Node)),
            ],
            Rules = [.. netns.Rules],
        };
    });

    public void Dispose()
    {
    }

    // Other hosts are heard as long as they are there, and told once whose the address is.
    private ValueList<ContestedAddress> Contested(FakeLink link)
    {
        ContestedAddress[] contested =
        [
            .. from own in link.Addresses.Select(own => own.Address.Address)
               where own.IsIPv4 && kernel.OtherHosts.ContainsKey(own)
               select new ContestedAddress(own, kernel.OtherHosts[own], IsDefenceDue: !_defended.Contains(own), IsRecheckDue: false),
        ];
        _defended.IntersectWith(contested.Select(contest => contest.Address));
        return [.. contested];
    }

    // As on the real one, the relay has no sockets for SCTP.
    private static ValueList<PlanProblem> Shortcomings(RedirectPlan? plan) => (plan?.Datapath == DatapathKind.Relay ? plan.Rules : [])
        .Where(rule => rule.Protocol == TransportProtocol.SCTP)
        .Select(rule => new PlanProblem(PlanReasons.NotSupportedByDatapath, $"{rule.Port}/SCTP is not served")).ToValueList();

    // The agent's routes have no other.
    private static bool HasUsualMetric(FakeRoute route) => route.Metric is 0 or 256 or 1024;

    private static IEnumerable<(AddressEntry Entry, FakeAddress Found)> Addresses(NetworkSide side, FakeLink link) =>
        link.Addresses.Select(found => (new AddressEntry(side, link.Name, found.Address), found));
}
