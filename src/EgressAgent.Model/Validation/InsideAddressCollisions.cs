using System.Net;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Configuration;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>
/// Warns where two routers would get one inside address, so that which of them has it depends on the order in which they came to a
/// node.
/// </summary>
public static class InsideAddressCollisions
{
    /// <param name="routers">Those that would run, and where they stand.</param>
    /// <param name="configuration">The agent's settings, or what is known of them.</param>
    public static IEnumerable<Diagnostic> Find(IEnumerable<RouterCatalogEntry> routers, AgentConfiguration configuration)
    {
        RouterCatalogEntry[] entries = [.. routers.Where(entry => entry.Router is not null)];
        Dictionary<IPAddress, RouterKey> holders = [];
        foreach (RouterCatalogEntry entry in entries)
        {
            foreach (IPAddress pinned in entry.Router!.Spec.PinnedInsideAddresses)
            {
                holders.TryAdd(pinned, entry.Key);
            }
        }

        foreach (RouterCatalogEntry entry in entries)
        {
            foreach (InterfaceAddress derived in Derive(entry, configuration))
            {
                if (!holders.TryAdd(derived.Address, entry.Key))
                {
                    FieldPath field = FieldPath.Of(FieldPath.Of(FieldPath.Of(null, "metadata"), "annotations"), RouterAnnotations.InsideAddress);
                    yield return new Diagnostic(
                        entry.Source,
                        field.ToString(),
                        $"is not given, and the inside address {derived.Address} that follows from the name of {entry.Key} is that of "
                            + $"{holders[derived.Address]} too: one of them gets another, which may differ from node to node. Pin one",
                        DiagnosticSeverity.Warning);
                }
            }
        }
    }

    private static IEnumerable<InterfaceAddress> Derive(RouterCatalogEntry entry, AgentConfiguration configuration)
    {
        EgressRouterSpec spec = entry.Router!.Spec;
        return configuration.InsideNetworks
            .Where(network => spec.Addresses.Any(address => address.Address.Family == network.BaseAddress.AddressFamily)
                && spec.PinnedInsideAddresses.All(pinned => pinned.AddressFamily != network.BaseAddress.AddressFamily))
            .Select(network => InsideAddressAllocator.Derive(network, entry.Key))
            .OfType<InterfaceAddress>();
    }
}
