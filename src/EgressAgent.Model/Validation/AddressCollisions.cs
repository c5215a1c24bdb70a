using System.Net;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>
/// Warns where two routers, or two Services, would get one address, so that which of them has it depends on the order in which they
/// came to a node.
/// </summary>
public static class AddressCollisions
{
    /// <param name="entries">What would run, and where it stands.</param>
    /// <param name="configuration">The agent's settings, or what is known of them.</param>
    public static IEnumerable<Diagnostic> Find(IEnumerable<ResourceCatalogEntry> entries, AgentConfiguration configuration)
    {
        Asking[] all = [.. entries.Select(entry => AskingOf(entry, configuration)).OfType<Asking>()];
        Dictionary<IPAddress, ResourceKey> holders = [];
        foreach (Asking asking in all)
        {
            foreach (IPAddress pinned in asking.Pinned)
            {
                holders.TryAdd(pinned, asking.Entry.Key);
            }
        }

        foreach (Asking asking in all)
        {
            foreach (IPAddress derived in asking.Networks.Select(network => InsideAddressAllocator.Derive(network, asking.Entry.Key)?.Address).OfType<IPAddress>())
            {
                if (!holders.TryAdd(derived, asking.Entry.Key))
                {
                    yield return new Diagnostic(
                        asking.Entry.Source,
                        asking.Field.ToString(),
                        $"is not given, and the {asking.What} {derived} that follows from the name of {asking.Entry.Key.ShortTitle} is that of "
                            + $"{holders[derived].ShortTitle} too: one of them gets another, which may differ from node to node. Pin one",
                        DiagnosticSeverity.Warning);
                }
            }
        }
    }

    private static Asking? AskingOf(ResourceCatalogEntry entry, AgentConfiguration configuration) => entry.Resource switch
    {
        EgressRouterResource { Spec: var spec } => new Asking(
            entry,
            FieldPath.Of(FieldPath.Of(FieldPath.Of(null, "metadata"), "annotations"), RouterAnnotations.InsideAddress),
            "inside address",
            spec.PinnedInsideAddresses,
            [.. configuration.InsideNetworks.Where(network => spec.Addresses.Any(address => address.Address.Family == network.BaseAddress.AddressFamily)
                && spec.PinnedInsideAddresses.All(pinned => pinned.AddressFamily != network.BaseAddress.AddressFamily))]),
        ServiceResource { Spec: { IsHeadless: false } spec } => new Asking(
            entry,
            FieldPath.Of(FieldPath.Of(null, "spec"), "clusterIP"),
            "address",
            spec.PinnedAddresses,
            [.. configuration.ServiceNetworks.Where(network => spec.PinnedAddresses.All(pinned => pinned.AddressFamily != network.BaseAddress.AddressFamily)
                && spec.FamiliesOf([.. configuration.ServiceNetworks.Select(served => served.BaseAddress.AddressFamily)]).Contains(network.BaseAddress.AddressFamily))]),
        _ => null,
    };

    /// <summary>What somebody wants: addresses of its own, and one that follows from its name in each of some networks.</summary>
    private sealed record Asking(
        ResourceCatalogEntry Entry, FieldPath Field, string What, ValueList<IPAddress> Pinned, ValueList<IPNetwork> Networks);
}
