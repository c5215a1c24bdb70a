using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Validation;

/// <summary>One document of a router file, or one item of a list in it.</summary>
public sealed record RouterDocument
{
    /// <summary>Where it begins.</summary>
    public required SourceLocation Source { get; init; }

    /// <summary>
    /// Whose document it is, also when it is in error, as long as its name could be read; null when it could not, and for
    /// documents of no kind that is served.
    /// </summary>
    public ResourceKey? Key { get; init; }

    /// <summary>What it describes; null when it is in error.</summary>
    public IResource? Resource { get; init; }

    /// <summary>The router; null when the document is in error or no router.</summary>
    public EgressRouterResource? Router => Resource as EgressRouterResource;

    /// <summary>Every fault and warning, in the order of the file.</summary>
    public ValueList<Diagnostic> Diagnostics { get; init; } = [];

    /// <summary>
    /// False when it may be the document of any router or Service, because its name could not be read: then none of the file may
    /// be taken as removed.
    /// </summary>
    public bool IsIdentified { get; init; } = true;

    internal ResourceMarks? Marks { get; init; }
}
