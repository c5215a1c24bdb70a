using System.Net;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Validation;

/// <summary>Whether pinned addresses lie where the agent gives such addresses: those of routers inside, those of Services in their own networks.</summary>
internal static class PinnedAddressPlaces
{
    public static void Resolve(List<ResourceClaim> claims, AgentConfiguration configuration, List<Diagnostic> conflicts)
    {
        foreach (ResourceClaim claim in claims.Where(claim => claim.IsCurrent))
        {
            List<Diagnostic> faults = [.. claim.Resource switch
            {
                EgressRouterResource router => router.Spec.PinnedInsideAddresses
                    .Select(address => WhyNot(address, configuration.InsideNetworks, "insideNetworks", "inside addresses"))
                    .OfType<string>()
                    .Select(claim.FaultOfInsideAddress),
                ServiceResource service => FaultsOf(claim, service, configuration.ServiceNetworks),
                _ => [],
            }];
            if (faults.Count > 0)
            {
                claim.Lose(faults);
                conflicts.AddRange(faults);
            }
        }
    }

    private static IEnumerable<Diagnostic> FaultsOf(ResourceClaim claim, ServiceResource service, ValueList<IPNetwork> networks) => service.Spec.PinnedAddresses
        .Select((address, index) => WhyNot(address, networks, "serviceNetworks", "the addresses of Services") is { } fault
            ? claim.FaultOf(claim.Marks?.Service.Addresses[index], fault)
            : null)
        .OfType<Diagnostic>();

    private static string? WhyNot(IPAddress address, ValueList<IPNetwork> networks, string setting, string what)
    {
        IPNetwork[] ofFamily = [.. networks.Where(network => network.BaseAddress.AddressFamily == address.AddressFamily)];
        if (ofFamily.Length == 0)
        {
            return $"{address} has no place: `{setting}` of the agent has no {address.FamilyName} network";
        }

        if (!ofFamily.Any(network => network.Contains(address)))
        {
            return $"{address} must be in {string.Join(" or ", ofFamily)}, from which the agent gives {what} (`{setting}`)";
        }

        foreach (IPNetwork network in ofFamily)
        {
            string? fault = address.Equals(InsideAddressAllocator.NodeAddress(network))
                ? $"the node's own in {network}"
                : HostAddresses.WhyNotHostOf(network, address);
            if (fault is not null)
            {
                return $"must be the address of one host; {address} is {fault}";
            }
        }

        return null;
    }
}
