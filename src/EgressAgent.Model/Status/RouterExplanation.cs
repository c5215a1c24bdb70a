using System.Net;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Status;

/// <summary>Says what becomes of a packet that is sent to a router as it is now.</summary>
public static class RouterExplanation
{
    /// <summary>One answer for each family that the client could use.</summary>
    public static IReadOnlyList<PacketExplanation> Explain(RouterStatus router, ClientPacket packet)
    {
        if (router.Desired is not { Role: not FailoverRole.Standby } desired || router.State is RouterState.Pending or RouterState.Failed or RouterState.Removing)
        {
            return [new PacketExplanation(PacketFate.Unreachable, packet.Client, null, [$"the router is {router.State.ToText()}: {router.Summary}", .. WhyStandby(router)])];
        }

        FamilyRedirect[] families =
        [
            .. desired.Redirect.Families.Where(family => packet.Client is null || packet.Client.AddressFamily == family.Family),
        ];
        return families.Length == 0
            ? [new PacketExplanation(PacketFate.Unreachable, packet.Client, null, [$"the router has no address of the family of {packet.Client}"])]
            : [.. families.Select(family => Explain(router, desired, family, packet))];
    }

    /// <summary>The same of a packet that is sent to an address: the router's inside address, or one of a Service that leads to the router.</summary>
    /// <param name="router">The router.</param>
    /// <param name="packet">The packet, which a client sends that is not the node itself where the address is an external one.</param>
    /// <param name="address">Where it is sent to.</param>
    /// <param name="services">All Services.</param>
    public static PacketExplanation Explain(RouterStatus router, ClientPacket packet, IPAddress address, IReadOnlyList<ServiceStatus> services)
    {
        if (Explain(router, packet).FirstOrDefault(answer => address.Equals(answer.Inside)) is { } inside)
        {
            return inside;
        }

        PacketExplanation End(PacketFate fate, params ValueList<string> why) => new(fate, packet.Client, address, why);
        ServiceStatus[] there = [.. services.Where(service => service.ClusterAddresses.Contains(address) || FindExternal(service, address) is not null)];
        if (there.Length == 0)
        {
            return End(PacketFate.Unreachable, $"{address} is neither the inside address of the router nor an address of a Service");
        }

        bool isCluster = there[0].ClusterAddresses.Contains(address);
        if (packet.Transport is null && !isCluster)
        {
            return WhyNotHolder(router.Key, there[0], address) is { } elsewhere
                ? End(PacketFate.Unreachable, elsewhere)
                : End(PacketFate.Answered, $"the router, which holds {address}, answers a ping there itself; of ICMP nothing goes on to a destination");
        }

        (ServiceStatus Service, ServicePortSpec Port) taken = (
            from service in there
            from port in service.Ports
            where port.Protocol == packet.Transport && port.Port == packet.Port
            select (service, port)).FirstOrDefault();
        if (taken.Service is not { } by)
        {
            string ports = string.Join(", ", there.SelectMany(service => service.Ports).Select(port => $"{port.Port}/{port.Protocol}"));
            return End(PacketFate.Refused, $"no Service takes {packet} at {address}: open is {ports}");
        }

        ClientPacket arriving = packet with { Port = taken.Port.TargetPort };
        ValueList<string> choice = [];
        if (isCluster && !Choose(router, by, address, packet.Client, out choice))
        {
            return End(by.Routers.Any(one => TargetOf(one, address) is not null) ? PacketFate.Unreachable : PacketFate.Refused, choice);
        }

        if (!isCluster && WhyNotHolder(router.Key, by, address) is { } why)
        {
            return End(PacketFate.Unreachable, why);
        }

        PacketExplanation walk = Explain(router, arriving)
            .FirstOrDefault(answer => answer.Inside is null || answer.Inside.AddressFamily == address.AddressFamily)
            ?? End(PacketFate.Unreachable, $"the router has no inside address of the family of {address}");
        return walk with { Inside = address, Why = [$"the Service {Name(by)} takes {packet} at {address} to {arriving} of the router", .. choice, .. walk.Why] };
    }

    // One that is degraded says what is wrong with it first.
    private static IEnumerable<string> WhyStandby(RouterStatus router) =>
        router is { State: not RouterState.Standby, Desired.Role: FailoverRole.Standby } ? [router.Condition(ConditionType.Available).Message] : [];

    // Null where the router holds the external address.
    private static string? WhyNotHolder(RouterKey router, ServiceStatus service, IPAddress address)
    {
        RouterKey? holder = FindExternal(service, address)!.Holder;
        return router.Equals(holder) ? null
            : holder is null ? $"no router holds {address} for the Service {Name(service)}; why not: egressctl services"
            : $"{address} is at another router, {holder}";
    }

    private static ExternalAddress? FindExternal(ServiceStatus service, IPAddress address) =>
        service.ExternalAddresses.FirstOrDefault(external => external.Address.Equals(address));

    // Whether new connections of the client to that address of the Service go to the router, or some of them, and why.
    private static bool Choose(RouterStatus router, ServiceStatus service, IPAddress address, IPAddress? client, out ValueList<string> why)
    {
        (RouterKey Key, IPAddress Inside)[] taking =
            [.. from one in service.Routers let target = TargetOf(one, address) where target is not null select (one.Key, target)];
        string[] passedOver = [.. service.Routers.Where(one => TargetOf(one, address) is null).Select(one => $"{one.Key} ({WhyPassedOver(one, address)})")];
        string[] last = passedOver.Length == 0 ? [] : [$"passed over: {string.Join(", ", passedOver)}"];
        bool isTaking = taking.Any(one => one.Key == router.Key);
        if (taking.Length == 0)
        {
            why = [$"the Service {Name(service)} has no router that is available", .. last];
            return false;
        }

        if (taking.Length == 1)
        {
            why = [.. isTaking ? [] : new[] { $"the Service {Name(service)} leads to another router, {taking[0].Key}" }, .. last];
            return isTaking;
        }

        if (!service.IsByClient)
        {
            why =
            [
                isTaking ? $"the router is one of {taking.Length} that take new connections in turn: {Names(taking)}" : $"the Service {Name(service)} leads to other routers: {Names(taking)}",
                .. last,
            ];
            return isTaking;
        }

        IPAddress[] owners = [.. Enumerable.Range(0, ServiceSlots.Count).Select(slot => ServiceSlots.OwnerOf(slot, taking.Select(one => one.Inside)))];
        string shares = string.Join(", ", taking.Select(one => $"{one.Key} has {owners.Count(one.Inside.Equals)}/{ServiceSlots.Count}"));
        RouterKey? chosen = null;
        string kept = "";
        if ((client ?? FindNode(router, taking[0].Inside)) is { } seen)
        {
            IPAddress owner = owners[ServiceSlots.SlotOf(seen, ServiceSlots.SeedOf(service.Id))];
            chosen = taking.First(one => one.Inside.Equals(owner)).Key;
            kept = $": {seen} at {(chosen == router.Key ? "this one" : $"another one, {chosen}")}";
        }

        why = [$"the Service {Name(service)} keeps each client at one router, by its address{kept}; of all addresses {shares}", .. last];
        return chosen == router.Key;
    }

    // As which the node comes to routers in that network; null while nothing is known of the router.
    private static IPAddress? FindNode(RouterStatus router, IPAddress inside) =>
        router.Desired?.InsideNetworks.Where(network => network.Contains(inside)).Select(InsideAddressAllocator.NodeAddress).FirstOrDefault();

    private static IPAddress? TargetOf(ServiceRouter router, IPAddress address) =>
        router.Targets.FirstOrDefault(target => target.AddressFamily == address.AddressFamily);

    private static string WhyPassedOver(ServiceRouter router, IPAddress address) =>
        router.CutOff.Contains(address.AddressFamily) ? "its gateway does not answer, or is the node"
        : router.State is RouterState.Active or RouterState.Degraded ? $"it takes nothing of {(address.IsIPv4 ? "IPv4" : "IPv6")} now"
        : router.State.ToText();

    private static string Name(ServiceStatus service) => $"{service.Id.Namespace}/{service.Id.Name}";

    private static string Names(IEnumerable<(RouterKey Key, IPAddress Inside)> routers) => string.Join(", ", routers.Select(router => router.Key.ToString()));

    private static PacketExplanation Explain(RouterStatus router, DesiredRouter desired, FamilyRedirect family, ClientPacket packet)
    {
        IPAddress node = InsideAddressAllocator.NodeAddress(desired.InsideNetworks.First(network => network.Contains(family.Inside)));
        PacketExplanation walk = PacketWalk.Explain(desired.Redirect, family, packet.Client ?? node, packet);
        if (walk.Destination is { } destination)
        {
            walk = Leave(router, desired, walk, destination.Address);
        }

        return packet.Client is null ? walk with { Why = [$"the node itself, and whom it masquerades, come as {node}", .. walk.Why] } : walk;
    }

    private static PacketExplanation Leave(RouterStatus router, DesiredRouter desired, PacketExplanation walk, IPAddress destination)
    {
        RouteEntry? route = desired.Routes
            .Where(route => route is { Side: NetworkSide.Router, Table: RouteEntry.MainTable } && route.Destination.Contains(destination))
            .MaxBy(route => route.Destination.PrefixLength);
        string[] troubles = [.. router.Troubles.Select(trouble => $"but {trouble.Message}")];
        if (route is null)
        {
            return walk with { Fate = PacketFate.Unreachable, Why = [.. walk.Why, $"there is no route to {destination}", .. troubles] };
        }

        // What the datapath cannot do for one rule, it says by the rule's name.
        if (router.Troubles.Any(trouble => trouble.Reason is PlanReasons.NotSupportedByDatapath or PlanReasons.PortInUse or PlanReasons.LimitReached
            && trouble.Message.StartsWith(walk.Rule == "fallback" ? "the fallback is not served" : $"{walk.Rule} is not served", StringComparison.Ordinal)))
        {
            return walk with { Fate = PacketFate.Refused, Source = null, Destination = null, Why = [.. walk.Why, .. troubles] };
        }

        string way = route.Link == RouterNames.OutsideLink
            ? $"by {desired.Macvlan.Master}{(route.Gateway is null ? "" : $" and the gateway {route.Gateway}")}"
            : "to the node itself";
        return walk with { Why = [.. walk.Why, $"it leaves as {walk.Source} {way}", .. troubles] };
    }
}
