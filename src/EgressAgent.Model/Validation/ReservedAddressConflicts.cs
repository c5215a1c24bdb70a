using System.Net;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Decides which router has a reserved address.</summary>
internal static class ReservedAddressConflicts
{
    public static void Resolve(List<RouterClaim> claims, List<Diagnostic> conflicts)
    {
        // A router that loses falls back to what it was before, and then needs its former addresses again: start over. Newcomers
        // come last, when that is settled.
        RouterClaim[] ordered = [.. claims.OrderBy(claim => claim.Previous is null)];
        while (!TryAssign(ordered, conflicts))
        {
        }
    }

    private static bool TryAssign(RouterClaim[] claims, List<Diagnostic> conflicts)
    {
        Dictionary<IPAddress, RouterClaim> holders = [];
        foreach (RouterClaim claim in claims)
        {
            foreach (IPAddress address in AddressesOf(claim.Router).Intersect(AddressesOf(claim.Previous)))
            {
                holders.TryAdd(address, claim);
            }
        }

        foreach (RouterClaim claim in claims)
        {
            List<Diagnostic> lost = [.. AddressesOf(claim.Router)
                .Select((address, index) => holders.TryGetValue(address, out RouterClaim? holder) && holder != claim
                    ? Conflict(claim, index, address, holder)
                    : null)
                .OfType<Diagnostic>()];
            if (lost.Count > 0)
            {
                claim.Lose(lost);
                conflicts.AddRange(lost);
                if (claim.Router is not null)
                {
                    return false;
                }
            }

            foreach (IPAddress address in AddressesOf(claim.Router))
            {
                holders[address] = claim;
            }
        }

        return true;
    }

    private static IEnumerable<IPAddress> AddressesOf(EgressRouterResource? router) =>
        router?.Spec.Addresses.Select(address => address.Address.Address) ?? [];

    private static Diagnostic Conflict(RouterClaim claim, int index, IPAddress address, RouterClaim holder)
    {
        FieldPath addresses = FieldPath.Of(FieldPath.Of(claim.Marks?.Path, "spec"), "addresses");
        FieldPath field = FieldPath.Of(FieldPath.At(addresses, index), "ip");
        return new Diagnostic(
            claim.Marks?.Addresses[index] ?? claim.Source,
            field.ToString(),
            $"{address} is already reserved by the router {holder.Key} in {holder.Name.File}, line {holder.Name.Line}");
    }
}
