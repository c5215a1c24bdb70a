using System.Net;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Model.Validation;

/// <summary>Whether pinned inside addresses lie where inside addresses can be.</summary>
internal static class InsideAddressPlaces
{
    public static void Resolve(List<RouterClaim> claims, ValueList<IPNetwork> networks, List<Diagnostic> conflicts)
    {
        foreach (RouterClaim claim in claims.Where(claim => claim.IsCurrent))
        {
            List<Diagnostic> faults = [.. claim.Router!.Spec.PinnedInsideAddresses
                .Select(address => WhyNot(address, networks))
                .OfType<string>()
                .Select(claim.FaultOfInsideAddress)];
            if (faults.Count > 0)
            {
                claim.Lose(faults);
                conflicts.AddRange(faults);
            }
        }
    }

    private static string? WhyNot(IPAddress address, ValueList<IPNetwork> networks)
    {
        IPNetwork[] ofFamily = [.. networks.Where(network => network.BaseAddress.AddressFamily == address.AddressFamily)];
        if (ofFamily.Length == 0)
        {
            return $"{address} has no place: `insideNetworks` of the agent has no {address.FamilyName} network";
        }

        if (!ofFamily.Any(network => network.Contains(address)))
        {
            return $"{address} must be in {string.Join(" or ", ofFamily)}, from which the agent gives inside addresses (`insideNetworks`)";
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
