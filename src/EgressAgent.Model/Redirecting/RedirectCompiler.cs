using System.Net;
using System.Net.Sockets;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Redirecting;

/// <summary>Compiles a spec into a <see cref="RedirectPlan"/>.</summary>
public static class RedirectCompiler
{
    /// <param name="key">The router.</param>
    /// <param name="spec">Its valid spec.</param>
    /// <param name="insideAddresses">One inside address for every family in which the spec has a reserved one.</param>
    /// <param name="configuration">Decides what the router does not.</param>
    /// <param name="external">The ports of Services at external addresses, each once; null for none.</param>
    public static RedirectPlan Compile(
        RouterKey key,
        EgressRouterSpec spec,
        ValueList<InterfaceAddress> insideAddresses,
        AgentConfiguration configuration,
        ValueList<ExternalPort>? external = null)
    {
        RedirectPlan plan = new()
        {
            Key = key,
            Datapath = spec.Datapath ?? configuration.Datapath,
            Families = insideAddresses.Select(inside => CompileFamily(spec, inside.Address)).OfType<FamilyRedirect>().ToValueList(),
            Rules = spec.Rules
                .OrderBy(rule => rule.Destination.IsIPv4 ? 0 : 1).ThenBy(rule => rule.Protocol).ThenBy(rule => rule.Port)
                .ToValueList(),
            FlowLog = spec.FlowLog ?? configuration.FlowLog,
            LocalProcesses = spec.LocalProcesses,
            Clients = (spec.Clients ?? configuration.Clients) is { } clients ? CompileClients(clients, insideAddresses) : null,
        };
        return external is null ? plan : plan with
        {
            ExternalAddresses = [.. external.Select(port => port.Address).Distinct()],
            ExternalPorts = [.. external.Select(port => CompileExternal(plan, port)).OfType<ExternalRedirect>()],
        };
    }

    // A port that the router would refuse is refused like any other of the address.
    private static ExternalRedirect? CompileExternal(RedirectPlan plan, ExternalPort port)
    {
        if (plan.Families.FirstOrDefault(family => family.Family == port.Address.AddressFamily) is not { } own)
        {
            return null;
        }

        IPEndPoint? destination = plan.Rules.FirstOrDefault(rule =>
                rule.Protocol == port.Protocol && rule.Port == port.TargetPort && rule.Destination.AddressFamily == own.Family) is { } rule
            ? new IPEndPoint(rule.Destination, rule.TargetPort)
            : own.Fallback is { } fallback && PacketWalk.IsTakenByFallback(plan, port.Protocol) ? new IPEndPoint(fallback, port.TargetPort) : null;
        return destination is null ? null
            : new ExternalRedirect(port, plan.Datapath == DatapathKind.Kernel ? destination : new IPEndPoint(own.Inside, port.TargetPort));
    }

    // The node speaks to its routers, for itself and for whom it masquerades, with the address that it has in their network.
    private static ValueList<IPNetwork> CompileClients(ClientsSpec clients, ValueList<InterfaceAddress> insideAddresses) =>
    [
        .. clients.Networks,
        .. clients.IncludesNode ? insideAddresses.Select(inside => NodeOf(inside.Network)) : [],
    ];

    private static IPNetwork NodeOf(IPNetwork inside)
    {
        IPAddress node = InsideAddressAllocator.NodeAddress(inside);
        return new IPNetwork(node, node.MaxPrefixLength);
    }

    private static FamilyRedirect? CompileFamily(EgressRouterSpec spec, IPAddress inside)
    {
        AddressFamily family = inside.AddressFamily;
        ValueList<IPAddress> reserved = spec.Addresses
            .Select(address => address.Address.Address).Where(address => address.AddressFamily == family).ToValueList();
        return reserved.Count == 0
            ? null
            : new FamilyRedirect(inside, reserved[0], reserved, spec.FallbackIP?.AddressFamily == family ? spec.FallbackIP : null);
    }
}
