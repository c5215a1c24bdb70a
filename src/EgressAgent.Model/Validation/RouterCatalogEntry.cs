using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Validation;

/// <summary>What the files say about one router, and what is to run.</summary>
/// <param name="Key">The router.</param>
/// <param name="Source">Where its document begins.</param>
/// <param name="Router">
/// What is to run: the document, or the router that ran before when the document is in error; null when there was none.
/// </param>
/// <param name="IsCurrent">Whether <paramref name="Router"/> is what the file says now.</param>
/// <param name="Diagnostics">The findings of its document and the conflicts that it lost.</param>
public sealed record RouterCatalogEntry(
    RouterKey Key,
    SourceLocation Source,
    EgressRouterResource? Router,
    bool IsCurrent,
    ValueList<Diagnostic> Diagnostics);
