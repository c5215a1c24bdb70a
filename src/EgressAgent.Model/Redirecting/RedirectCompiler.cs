using System.Net;
using System.Net.Sockets;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Configuration;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Redirecting;

/// <summary>Compiles a spec into a <see cref="RedirectPlan"/>.</summary>
public static class RedirectCompiler
{
    /// <param name="key">The router.</param>
    /// <param name="spec">Its valid spec.</param>
    /// <param name="insideAddresses">One inside address for every family in which the spec has a reserved one.</param>
    /// <param name="configuration">Decides what the router does not.</param>
    public static RedirectPlan Compile(
        RouterKey key, EgressRouterSpec spec, ValueList<InterfaceAddress> insideAddresses, AgentConfiguration configuration) => new()
        {
            Key = key,
            Datapath = spec.Datapath ?? configuration.Datapath,
            Families = insideAddresses.Select(inside => CompileFamily(spec, inside.Address)).OfType<FamilyRedirect>().ToValueList(),
            Rules = spec.Rules
                .OrderBy(rule => rule.Destination.IsIPv4 ? 0 : 1).ThenBy(rule => rule.Protocol).ThenBy(rule => rule.Port)
                .ToValueList(),
            Clients = (spec.Clients ?? configuration.Clients) is { } clients ? CompileClients(clients, insideAddresses) : null,
        };

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
