using System.Collections.Immutable;

namespace EgressAgent.Model.Validation;

/// <summary>What the <c>metadata</c> of a document say.</summary>
/// <param name="Key">Null when the name or the namespace is missing or wrong.</param>
/// <param name="NameLocation">Where the name stands.</param>
/// <param name="Labels">With the one that every router carries; of a Service they mean nothing.</param>
/// <param name="Settings">From the annotations.</param>
internal sealed record ResourceMetadata(
    ResourceKey? Key,
    SourceLocation NameLocation,
    ImmutableSortedDictionary<string, string> Labels,
    AnnotationSettings Settings);
