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
    /// <param name="defaultDatapath">For routers that do not choose.</param>
    public static RedirectPlan Compile(
        RouterKey key, EgressRouterSpec spec, IEnumerable<IPAddress> insideAddresses, DatapathKind defaultDatapath) => new()
        {
            Key = key,
            Datapath = spec.Datapath ?? defaultDatapath,
            Families = insideAddresses.Select(inside => CompileFamily(spec, inside)).OfType<FamilyRedirect>().ToValueList(),
            Rules = spec.Rules
                .OrderBy(rule => rule.Destination.IsIPv4 ? 0 : 1).ThenBy(rule => rule.Protocol).ThenBy(rule => rule.Port)
                .ToValueList(),
            Clients = spec.Clients,
        };

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
