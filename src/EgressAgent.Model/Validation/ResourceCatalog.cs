using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Validation;

/// <summary>All routers and Services of all files, after the conflicts between them are decided.</summary>
/// <param name="Entries">One for each, in the order of its key.</param>
/// <param name="Conflicts">
/// What two documents cannot both have: a <c>namespace/name</c>, a reserved address, a pinned address, a name of a partner. Reported
/// at the one that does not get it. So is a pinned address that no network has.
/// </param>
public sealed record ResourceCatalog(ValueList<ResourceCatalogEntry> Entries, ValueList<Diagnostic> Conflicts)
{
    /// <summary>
    /// Decides what is to run. What is in force keeps its name and its addresses against newcomers, also while its own
    /// document is in error; newcomers are taken by the order of their files' paths, then of the documents. It is gone when
    /// its file is, or when its file is complete and does not have it any more.
    /// </summary>
    /// <param name="files">As parsed; the order does not matter.</param>
    /// <param name="inForce">What ran until now, with the file from which it came as its source; empty at first.</param>
    /// <param name="configuration">Where addresses may be pinned; null when that is not known, and not asked.</param>
    public static ResourceCatalog Merge(
        IEnumerable<RouterFile> files,
        IReadOnlyDictionary<ResourceKey, IResource> inForce,
        AgentConfiguration? configuration = null)
    {
        List<Diagnostic> conflicts = [];
        RouterFile[] ordered = [.. files.OrderBy(file => file.Path, StringComparer.Ordinal)];
        List<ResourceClaim> claims = NameConflicts.Resolve(ordered, inForce, conflicts);
        if (configuration is not null)
        {
            PinnedAddressPlaces.Resolve(claims, configuration, conflicts);
        }

        AddressConflicts.Resolve(claims, conflicts);
        return new ResourceCatalog(
            claims.OrderBy(claim => claim.Key).Select(claim => claim.ToEntry()).ToValueList(),
            conflicts.ToValueList());
    }
}
