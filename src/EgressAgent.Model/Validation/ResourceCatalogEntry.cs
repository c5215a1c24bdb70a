using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Validation;

/// <summary>What the files say about one router or Service, and what is to run.</summary>
/// <param name="Key">What it is.</param>
/// <param name="Source">Where its document begins.</param>
/// <param name="Resource">
/// What is to run: the document, or what ran before when the document is in error; null when there was nothing.
/// </param>
/// <param name="IsCurrent">Whether <paramref name="Resource"/> is what the file says now.</param>
/// <param name="Diagnostics">The findings of its document and the conflicts that it lost.</param>
public sealed record ResourceCatalogEntry(
    ResourceKey Key,
    SourceLocation Source,
    IResource? Resource,
    bool IsCurrent,
    ValueList<Diagnostic> Diagnostics);
