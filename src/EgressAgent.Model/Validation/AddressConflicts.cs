using System.Net;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Decides which router has an address that several want: a reserved one, or a pinned inside address.</summary>
internal static class AddressConflicts
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
        Dictionary<Holding, RouterClaim> holders = [];
        foreach (RouterClaim claim in claims)
        {
            foreach (Holding holding in HoldingsOf(claim.Router).Intersect(HoldingsOf(claim.Previous)))
            {
                holders.TryAdd(holding, claim);
            }
        }

        foreach (RouterClaim claim in claims)
        {
            List<Diagnostic> lost = [.. HoldingsOf(claim.Router)
                .Select((holding, index) => holders.TryGetValue(holding, out RouterClaim? holder) && holder != claim
                    ? Conflict(claim, index, holding, holder)
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

            foreach (Holding holding in HoldingsOf(claim.Router))
            {
                holders[holding] = claim;
            }
        }

        return true;
    }

    // The reserved addresses first, so that the index of one is also that of its entry in spec.addresses.
    private static IEnumerable<Holding> HoldingsOf(EgressRouterResource? router) => router is null
        ? []
        :
        [
            .. router.Spec.Addresses.Select(address => new Holding(address.Address.Address, IsInside: false)),
            .. router.Spec.PinnedInsideAddresses.Select(address => new Holding(address, IsInside: true)),
        ];

    private static Diagnostic Conflict(RouterClaim claim, int index, Holding holding, RouterClaim holder)
    {
        string owner = $"the router {holder.Key} in {holder.Name.File}, line {holder.Name.Line}";
        if (holding.IsInside)
        {
            return claim.FaultOfInsideAddress($"{holding.Address} is already the inside address of {owner}");
        }

        FieldPath addresses = FieldPath.Of(FieldPath.Of(claim.Marks?.Path, "spec"), "addresses");
        FieldPath field = FieldPath.Of(FieldPath.At(addresses, index), "ip");
        SourceLocation location = claim.Marks is { } marks && index < marks.Addresses.Count ? marks.Addresses[index] : claim.Source;
        return new Diagnostic(location, field.ToString(), $"{holding.Address} is already reserved by {owner}");
    }

    /// <summary>An address that only one router can have.</summary>
    private readonly record struct Holding(IPAddress Address, bool IsInside);
}
