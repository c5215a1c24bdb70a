using System.Net;
using EgressAgent.Engine.Registry;
using EgressAgent.Model;

namespace EgressAgent.Daemon.Names;

/// <summary>The names of Services and routers as hosts(5) has them. What is not written leads clients to the partner directly.</summary>
internal static class HostsFile
{
    /// <summary>All lines.</summary>
    /// <param name="routers">Those that are known.</param>
    /// <param name="services">Those that are known, in error or without a router too.</param>
    internal static IReadOnlyList<NameLine> Lines(IReadOnlyList<RegisteredRouter> routers, IReadOnlyList<RegisteredService> services)
    {
        RegisteredService[] named = [.. services.Where(service => service.Wanted is not null)];
        return
        [
            .. from service in named
               let shortName = ShortNameOf(service, named)
               from address in AddressesOf(service, routers)
               select new NameLine(address, [.. NamesOf(service), .. shortName, .. service.Wanted!.Spec.HostNames]),
            .. from router in routers
               where router is { IsRemoved: false, Wanted: not null, Allocation: not null }
               from inside in router.Allocation!.InsideAddresses
               select new NameLine(inside.Address, [$"{router.Key.Name}.{router.Key.Namespace}.egress"]),
        ];
    }

    private static IEnumerable<string> NamesOf(RegisteredService service)
    {
        string name = $"{service.Id.Name}.{service.Id.Namespace}";
        return [$"{name}.svc.cluster.local", $"{name}.svc", name];
    }

    // A name that two namespaces have leads to that of the default one, or nowhere.
    private static IEnumerable<string> ShortNameOf(RegisteredService service, RegisteredService[] all) =>
        service.Id.Namespace == RouterKey.DefaultNamespace || all.Count(other => other.Id.Name == service.Id.Name) == 1 ? [service.Id.Name] : [];

    private static IEnumerable<IPAddress> AddressesOf(RegisteredService service, IReadOnlyList<RegisteredRouter> routers) => service.Wanted!.Spec.IsHeadless
        ? routers.Where(router => IsBehind(router, service)).SelectMany(router => router.Allocation!.InsideAddresses).Select(inside => inside.Address)
        : service.ClusterAddresses.Select(address => address.Address);

    private static bool IsBehind(RegisteredRouter router, RegisteredService service) =>
        router is { IsRemoved: false, Wanted: { } wanted, Allocation: not null } && service.Wanted!.Selects(router.Key, wanted.Labels);
}
