using System.Net;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>The veth pair between the netns of Services and that of one router; it is a step of the router's, both ends of it.</summary>
internal sealed class ServiceCable(string outerName, AgentOwner owner, RouterNetns router)
{
    /// <summary>The pair, with what is right of it; null when either end is missing.</summary>
    /// <param name="inner">The router's end, or what has its name.</param>
    internal ServiceLink? Observe(Link inner)
    {
        using NetworkNamespace? netns = ServiceNetns.TryOpen(owner);
        if (netns is null)
        {
            return null;
        }

        using RouteNetlink services = RouteNetlink.Open(netns);
        if (services.GetLink(outerName) is not { } outer || !outer.IsVethPeerOf(inner))
        {
            return null;
        }

        IPAddress[] gateways = [.. services.GetAddresses(outer.Index).Select(address => address.Address).Where(address => !address.IsIPv6LinkLocal)];
        IPAddress[] reached =
        [
            .. services.GetRoutes(RouteTable.Main)
                .Where(route => route.OutputLinkIndex == outer.Index && route.Gateway is null
                    && route.Destination.PrefixLength == route.Destination.BaseAddress.MaxPrefixLength)
                .Select(route => route.Destination.BaseAddress),
        ];
        return new ServiceLink(
            outer.IsUp && inner.IsUp && outer.Mtu == inner.Mtu ? outer.Mtu : 0,
            [
                .. from gateway in gateways
                   orderby gateway.AddressFamily
                   from inside in reached
                   where inside.AddressFamily == gateway.AddressFamily && !inside.Equals(gateway)
                   select new ServiceLinkFamily(gateway, inside),
            ]);
    }

    internal void Create(ServiceLink link)
    {
        using NetworkNamespace netns = ServiceNetns.Open(owner);
        using RouteNetlink services = RouteNetlink.Open(netns);
        services.AddVeth(new NewVeth { Name = outerName, PeerName = RouterNames.ServiceLink, PeerNetns = router.Namespace, Mtu = link.Mtu, PeerGroup = LinkGroups.Service });
    }

    internal void Configure(ServiceLink link)
    {
        using NetworkNamespace netns = ServiceNetns.Open(owner);
        using RouteNetlink services = RouteNetlink.Open(netns);
        Link outer = services.GetRequiredLink(outerName);

        // Nobody else is on this cable.
        Sysctl.Set(router.Namespace, $"net/ipv6/conf/{RouterNames.ServiceLink}/accept_dad", 0);
        LinkSettings.SetMtuAndUp(router.Route, router.Route.GetRequiredLink(RouterNames.ServiceLink), link.Mtu);
        LinkSettings.SetMtuAndUp(services, outer, link.Mtu);
        RemoveWhatIsNotOf(link, services, outer);
        foreach (ServiceLinkFamily family in link.Families)
        {
            services.AddAddress(new LinkAddress(outer.Index, family.Gateway, family.Gateway.MaxPrefixLength) { Flags = AddressFlags.NoDad });
            services.ReplaceRoute(new Route(new IPNetwork(family.Inside, family.Inside.MaxPrefixLength))
            {
                OutputLinkIndex = outer.Index,
                PreferredSource = family.Gateway,
                Scope = family.Inside.IsIPv4 ? RouteScope.Link : RouteScope.Universe,
            });
        }
    }

    internal void Remove()
    {
        using NetworkNamespace? netns = ServiceNetns.TryOpen(owner);
        if (netns is not null)
        {
            using RouteNetlink services = RouteNetlink.Open(netns);
            services.RemoveLinkByName(outerName);
        }

        if (router.IsOpen)
        {
            router.Route.RemoveLinkByName(RouterNames.ServiceLink);
        }
    }

    private static void RemoveWhatIsNotOf(ServiceLink link, RouteNetlink services, Link outer)
    {
        foreach (LinkAddress address in services.GetAddresses(outer.Index)
            .Where(address => !address.Address.IsIPv6LinkLocal && !link.Families.Any(family => family.Gateway.Equals(address.Address))))
        {
            services.RemoveAddress(address);
        }

        foreach (Route route in services.GetRoutes(RouteTable.Main).Where(route => route.OutputLinkIndex == outer.Index
            && route.Destination.PrefixLength == route.Destination.BaseAddress.MaxPrefixLength
            && !link.Families.Any(family => family.Inside.Equals(route.Destination.BaseAddress) || family.Gateway.Equals(route.Destination.BaseAddress))))
        {
            services.RemoveRoute(route);
        }
    }
}
