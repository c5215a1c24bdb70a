using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Decides which document has a <c>namespace/name</c>.</summary>
internal static class RouterNameConflicts
{
    public static List<RouterClaim> Resolve(
        RouterFile[] files, IReadOnlyDictionary<RouterKey, EgressRouterResource> inForce, List<Diagnostic> conflicts)
    {
        List<RouterClaim> claims = [];
        foreach (IGrouping<RouterKey, RouterDocument> rivals in files
            .SelectMany(file => file.Documents)
            .Where(document => document.Key is not null)
            .GroupBy(document => document.Key!.Value))
        {
            inForce.TryGetValue(rivals.Key, out EgressRouterResource? previous);
            RouterDocument? owner = FindOwner(rivals, previous, files);
            RouterClaim claim = new(rivals.Key, owner, previous, FaultsOf(previous, files));
            claims.Add(claim);
            conflicts.AddRange(rivals.Where(rival => rival != owner && rival.Marks is not null).Select(rival => Conflict(rival, claim)));
        }

        HashSet<RouterKey> named = [.. claims.Select(claim => claim.Key)];
        claims.AddRange(inForce.Values
            .Where(router => !named.Contains(router.Key) && IsUnread(router, files))
            .Select(router => new RouterClaim(router.Key, null, router, FaultsOf(router, files))));
        return claims;
    }

    /// <summary>Null when the name stays with a router whose file cannot be read far enough.</summary>
    private static RouterDocument? FindOwner(IEnumerable<RouterDocument> rivals, EgressRouterResource? previous, RouterFile[] files)
    {
        if (previous is not null)
        {
            RouterDocument? same = rivals.FirstOrDefault(rival => rival.Source.File == previous.Source.File);
            if (same is not null || IsUnread(previous, files))
            {
                return same;
            }
        }

        return rivals.FirstOrDefault(rival => rival.Router is not null) ?? rivals.First();
    }

    private static bool IsUnread(EgressRouterResource router, RouterFile[] files) =>
        files.Any(file => file.Path == router.Source.File && !file.IsComplete);

    private static IEnumerable<Diagnostic> FaultsOf(EgressRouterResource? router, RouterFile[] files) =>
        files.Where(file => file.Path == router?.Source.File)
            .SelectMany(file => file.Diagnostics.Concat(
                file.Documents.Where(document => !document.IsIdentified).SelectMany(document => document.Diagnostics)));

    private static Diagnostic Conflict(RouterDocument rival, RouterClaim owner)
    {
        FieldPath field = FieldPath.Of(FieldPath.Of(rival.Marks!.Path, "metadata"), "name");
        return new Diagnostic(
            rival.Marks.Name, field.ToString(), $"the router {owner.Key} is already defined in {owner.Name.File}, line {owner.Name.Line}");
    }
}
