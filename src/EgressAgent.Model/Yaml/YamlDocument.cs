namespace EgressAgent.Model.Yaml;

/// <summary>One document as a tree, as far as it could be read.</summary>
/// <param name="Start">Where its first value stands.</param>
/// <param name="Root">Null when nothing of it could be read.</param>
/// <param name="Faults">What is wrong with it as YAML.</param>
/// <param name="IsComplete">False when reading stopped at a fault before the document's end.</param>
internal sealed record YamlDocument(SourceLocation Start, YamlNode? Root, IReadOnlyList<Diagnostic> Faults, bool IsComplete)
{
    /// <summary>Nothing but markers, comments and blanks, or a bare <c>null</c>.</summary>
    public bool IsEmpty => IsComplete && Faults.Count == 0 && Root is null or YamlScalar { IsNull: true };
}
