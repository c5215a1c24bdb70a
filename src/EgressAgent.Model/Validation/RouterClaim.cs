using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>A router that has its name for itself, while it is decided whether it has its addresses too.</summary>
/// <param name="key">The router.</param>
/// <param name="document">What its file says; null when the file could not be read far enough to tell.</param>
/// <param name="previous">What ran until now.</param>
/// <param name="unread">The faults because of which the file has no document for it.</param>
internal sealed class RouterClaim(RouterKey key, RouterDocument? document, EgressRouterResource? previous, IEnumerable<Diagnostic> unread)
{
    private readonly List<Diagnostic> _lost = [];

    public RouterKey Key => key;

    public ResourceMarks? Marks => document?.Marks;

    public EgressRouterResource? Previous => previous;

    /// <summary>What is to run as things stand: the document, else what ran before, else nothing.</summary>
    public EgressRouterResource? Router { get; private set; } = document?.Router ?? previous;

    public bool IsCurrent { get; private set; } = document?.Router is not null;

    public SourceLocation Source => document?.Source ?? previous!.Source;

    /// <summary>Where its name stands, for others to be told.</summary>
    public SourceLocation Name => Marks?.Name ?? Source;

    /// <summary>What is wrong with the pinned inside address, at its place.</summary>
    public Diagnostic FaultOfInsideAddress(string message)
    {
        FieldPath annotations = FieldPath.Of(FieldPath.Of(Marks?.Path, "metadata"), "annotations");
        return new Diagnostic(
            Marks?.InsideAddress ?? Source, FieldPath.Of(annotations, RouterAnnotations.InsideAddress).ToString(), message);
    }

    /// <summary>Falls back from the document to what ran before, and from that to nothing.</summary>
    public void Lose(IEnumerable<Diagnostic> conflicts)
    {
        _lost.AddRange(conflicts);
        Router = IsCurrent ? previous : null;
        IsCurrent = false;
    }

    public RouterCatalogEntry ToEntry() =>
        new(key, Source, Router, IsCurrent, [.. document?.Diagnostics ?? [], .. document is null ? unread : [], .. _lost]);
}
