using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>A router or Service that has its name for itself, while it is decided whether it has its addresses too.</summary>
/// <param name="key">What it is.</param>
/// <param name="document">What its file says; null when the file could not be read far enough to tell.</param>
/// <param name="previous">What ran until now.</param>
/// <param name="unread">The faults because of which the file has no document for it.</param>
internal sealed class ResourceClaim(ResourceKey key, RouterDocument? document, IResource? previous, IEnumerable<Diagnostic> unread)
{
    private readonly List<Diagnostic> _lost = [];

    public ResourceKey Key => key;

    public ResourceMarks? Marks => document?.Marks;

    public IResource? Previous => previous;

    /// <summary>What is to run as things stand: the document, else what ran before, else nothing.</summary>
    public IResource? Resource { get; private set; } = document?.Resource ?? previous;

    public bool IsCurrent { get; private set; } = document?.Resource is not null;

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

    /// <summary>What is wrong with a value of a Service, at its place; at the beginning of the document where that is not known.</summary>
    public Diagnostic FaultOf(MarkedValue? value, string message) => new(value?.Location ?? Source, value?.Field ?? "", message);

    /// <summary>Falls back from the document to what ran before, and from that to nothing.</summary>
    public void Lose(IEnumerable<Diagnostic> conflicts)
    {
        _lost.AddRange(conflicts);
        Resource = IsCurrent ? previous : null;
        IsCurrent = false;
    }

    public ResourceCatalogEntry ToEntry() =>
        new(key, Source, Resource, IsCurrent, [.. document?.Diagnostics ?? [], .. document is null ? unread : [], .. _lost]);
}
