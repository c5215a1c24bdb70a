using System.Collections.Immutable;

namespace EgressAgent.Model.Resources;

/// <summary>A valid <c>EgressRouter</c> document and where it stands. Equality is by value.</summary>
/// <param name="Key">Its identity.</param>
/// <param name="Source">Where the document begins in its file.</param>
/// <param name="Labels">Its labels and <c>app: egress-router-cni</c>, which every router carries.</param>
/// <param name="Spec">What it asks for.</param>
public sealed record EgressRouterResource(
    RouterKey Key,
    SourceLocation Source,
    ImmutableSortedDictionary<string, string> Labels,
    EgressRouterSpec Spec) : IResource
{
    public ResourceKey Id => Key;

    IResource IResource.At(SourceLocation source) => this with { Source = source };

    bool IResource.AsksForTheSame(IResource? other) => other is EgressRouterResource router && router.Spec == Spec;

    public bool Equals(EgressRouterResource? other) =>
        ReferenceEquals(this, other)
        || (other is not null
            && Key == other.Key
            && Source == other.Source
            && Spec == other.Spec
            && Labels.SequenceEqual(other.Labels));

    public override int GetHashCode() => HashCode.Combine(Key, Source, Labels.Count, Spec);
}
