namespace EgressAgent.Model.Validation;

/// <summary>What a router file says.</summary>
/// <param name="Path">As it was given.</param>
/// <param name="Documents">In the order of the file; empty ones and comments are left out.</param>
/// <param name="Diagnostics">What concerns the file as a whole: too large, in another encoding, without any document.</param>
/// <param name="IsComplete">
/// False when not every document could be told apart and identified. A router that was in the file and is not among
/// <paramref name="Documents"/> may then still be there, and must not be taken as removed.
/// </param>
public sealed record RouterFile(string Path, ValueList<RouterDocument> Documents, ValueList<Diagnostic> Diagnostics, bool IsComplete)
{
    /// <summary>The file's own and all documents' findings, in the order of the file.</summary>
    public IEnumerable<Diagnostic> AllDiagnostics => Diagnostics.Concat(Documents.SelectMany(document => document.Diagnostics));
}
