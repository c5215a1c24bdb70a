using System.Net;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Validation;

/// <summary>All routers of all files, after the conflicts between them are decided.</summary>
/// <param name="Routers">One entry for each router, in the order of its key.</param>
/// <param name="Conflicts">
/// What two documents cannot both have: a <c>namespace/name</c>, a reserved address, or a pinned inside address. Reported at the
/// one that does not get it. So is a pinned inside address that no inside network has.
/// </param>
public sealed record RouterCatalog(ValueList<RouterCatalogEntry> Routers, ValueList<Diagnostic> Conflicts)
{
    /// <summary>
    /// Decides what is to run. A router that is in force keeps its name and its addresses against newcomers, also while its own
    /// document is in error; newcomers are taken by the order of their files' paths, then of the documents. A router is gone when
    /// its file is, or when its file is complete and does not have it any more.
    /// </summary>
    /// <param name="files">As parsed; the order does not matter.</param>
    /// <param name="inForce">What ran until now, with the file from which it came as its source; empty at first.</param>
    /// <param name="insideNetworks">Where inside addresses may be pinned; null when that is not known, and not asked.</param>
    public static RouterCatalog Merge(
        IEnumerable<RouterFile> files,
        IReadOnlyDictionary<RouterKey, EgressRouterResource> inForce,
        ValueList<IPNetwork>? insideNetworks = null)
    {
        List<Diagnostic> conflicts = [];
        RouterFile[] ordered = [.. files.OrderBy(file => file.Path, StringComparer.Ordinal)];
        List<RouterClaim> claims = RouterNameConflicts.Resolve(ordered, inForce, conflicts);
        if (insideNetworks is not null)
        {
            InsideAddressPlaces.Resolve(claims, insideNetworks, conflicts);
        }

        AddressConflicts.Resolve(claims, conflicts);
        return new RouterCatalog(
            claims.OrderBy(claim => claim.Key).Select(claim => claim.ToEntry()).ToValueList(),
            conflicts.ToValueList());
    }
}
