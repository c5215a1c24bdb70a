using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Decides which document has a <c>namespace/name</c>.</summary>
internal static class NameConflicts
{
    public static List<ResourceClaim> Resolve(
        RouterFile[] files, IReadOnlyDictionary<ResourceKey, IResource> inForce, List<Diagnostic> conflicts)
    {
        List<ResourceClaim> claims = [];
        foreach (IGrouping<ResourceKey, RouterDocument> rivals in files
            .SelectMany(file => file.Documents)
            .Where(document => document.Key is not null)
            .GroupBy(document => document.Key!.Value))
        {
            inForce.TryGetValue(rivals.Key, out IResource? previous);
            RouterDocument? owner = FindOwner(rivals, previous, files);
            ResourceClaim claim = new(rivals.Key, owner, previous, FaultsOf(previous, files));
            claims.Add(claim);
            conflicts.AddRange(rivals.Where(rival => rival != owner && rival.Marks is not null).Select(rival => Conflict(rival, claim)));
        }

        HashSet<ResourceKey> named = [.. claims.Select(claim => claim.Key)];
        claims.AddRange(inForce.Values
            .Where(resource => !named.Contains(resource.Id) && IsUnread(resource, files))
            .Select(resource => new ResourceClaim(resource.Id, null, resource, FaultsOf(resource, files))));
        return claims;
    }

    /// <summary>Null when the name stays with one whose file cannot be read far enough.</summary>
    private static RouterDocument? FindOwner(IEnumerable<RouterDocument> rivals, IResource? previous, RouterFile[] files)
    {
        if (previous is not null)
        {
            RouterDocument? same = rivals.FirstOrDefault(rival => rival.Source.File == previous.Source.File);
            if (same is not null || IsUnread(previous, files))
            {
                return same;
            }
        }

        return rivals.FirstOrDefault(rival => rival.Resource is not null) ?? rivals.First();
    }

    private static bool IsUnread(IResource resource, RouterFile[] files) =>
        files.Any(file => file.Path == resource.Source.File && !file.IsComplete);

    private static IEnumerable<Diagnostic> FaultsOf(IResource? resource, RouterFile[] files) =>
        files.Where(file => file.Path == resource?.Source.File)
            .SelectMany(file => file.Diagnostics.Concat(
                file.Documents.Where(document => !document.IsIdentified).SelectMany(document => document.Diagnostics)));

    private static Diagnostic Conflict(RouterDocument rival, ResourceClaim owner)
    {
        FieldPath field = FieldPath.Of(FieldPath.Of(rival.Marks!.Path, "metadata"), "name");
        return new Diagnostic(
            rival.Marks.Name, field.ToString(), $"the {owner.Key.Title} is already defined in {owner.Name.File}, line {owner.Name.Line}");
    }
}
