using System.Net;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Decides who has what several want: a reserved address, a pinned one, a partner's name.</summary>
internal static class AddressConflicts
{
    public static void Resolve(List<ResourceClaim> claims, List<Diagnostic> conflicts)
    {
        // One that loses falls back to what it was before, and then needs its former addresses again: start over. Newcomers
        // come last, when that is settled.
        ResourceClaim[] ordered = [.. claims.OrderBy(claim => claim.Previous is null)];
        while (!TryAssign(ordered, conflicts))
        {
        }
    }

    private static bool TryAssign(ResourceClaim[] claims, List<Diagnostic> conflicts)
    {
        Dictionary<Holding, ResourceClaim> holders = [];
        foreach (ResourceClaim claim in claims)
        {
            foreach (Holding holding in HoldingsOf(claim.Resource).Intersect(HoldingsOf(claim.Previous)))
            {
                holders.TryAdd(holding, claim);
            }
        }

        foreach (ResourceClaim claim in claims)
        {
            List<Diagnostic> lost = [.. HoldingsOf(claim.Resource)
                .Select((holding, index) => holders.TryGetValue(holding, out ResourceClaim? holder) && holder != claim
                    ? Conflict(claim, index, holding, holder)
                    : null)
                .OfType<Diagnostic>()];
            if (lost.Count > 0)
            {
                claim.Lose(lost);
                conflicts.AddRange(lost);
                if (claim.Resource is not null)
                {
                    return false;
                }
            }

            foreach (Holding holding in HoldingsOf(claim.Resource))
            {
                holders[holding] = claim;
            }
        }

        return true;
    }

    // The addresses first, so that the index of one is also that of its place in the document.
    private static IEnumerable<Holding> HoldingsOf(IResource? resource) => resource switch
    {
        EgressRouterResource router =>
        [
            .. router.Spec.Addresses.Select(address => new Holding(HoldingKind.Reserved, address.Address.Address)),
            .. router.Spec.PinnedInsideAddresses.Select(address => new Holding(HoldingKind.Inside, address)),
        ],
        ServiceResource service =>
        [
            .. service.Spec.PinnedAddresses.Select(address => new Holding(HoldingKind.Service, address)),
            .. service.Spec.HostNames.Select(name => new Holding(HoldingKind.HostName, name)),
            .. from address in service.Spec.ExternalAddresses
               from port in service.Spec.Ports
               select new Holding(HoldingKind.External, (Address: address, port.Protocol, port.Port)),
        ],
        _ => [],
    };

    private static Diagnostic Conflict(ResourceClaim claim, int index, Holding holding, ResourceClaim holder)
    {
        string owner = $"the {holder.Key.Title} in {holder.Name.File}, line {holder.Name.Line}";
        switch (holding.Kind)
        {
            case HoldingKind.Inside:
                return claim.FaultOfInsideAddress($"{holding.Value} is already the inside address of {owner}");
            case HoldingKind.Service:
                return claim.FaultOf(claim.Marks?.Service.Addresses.ElementAtOrDefault(index), $"{holding.Value} is already the address of {owner}");
            case HoldingKind.HostName:
                return claim.FaultOf(claim.Marks?.Service.HostNames, $"{holding.Value} already leads to {owner}");
            case HoldingKind.External:
                (IPAddress Address, TransportProtocol Protocol, ushort Port) port = ((IPAddress, TransportProtocol, ushort))holding.Value;
                int place = ((ServiceResource)claim.Resource!).Spec.ExternalAddresses.ToList().IndexOf(port.Address);
                return claim.FaultOf(
                    claim.Marks?.Service.External.ElementAtOrDefault(place),
                    $"{port.Port}/{port.Protocol} at {port.Address} already belongs to {owner}; two Services can share an external address if their ports differ");
            default:
                FieldPath addresses = FieldPath.Of(FieldPath.Of(claim.Marks?.Path, "spec"), "addresses");
                FieldPath field = FieldPath.Of(FieldPath.At(addresses, index), "ip");
                SourceLocation location = claim.Marks is { } marks && index < marks.Addresses.Count ? marks.Addresses[index] : claim.Source;
                return new Diagnostic(location, field.ToString(), $"{holding.Value} is already reserved by {owner}");
        }
    }

    private enum HoldingKind
    {
        Reserved,
        Inside,
        Service,
        HostName,
        External,
    }

    /// <summary>What only one document can have: an address, or a name.</summary>
    private readonly record struct Holding(HoldingKind Kind, object Value);
}
