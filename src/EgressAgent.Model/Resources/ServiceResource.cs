namespace EgressAgent.Model.Resources;

/// <summary>A valid <c>Service</c> document and where it stands. Equality is by value.</summary>
/// <param name="Id">Its identity.</param>
/// <param name="Source">Where the document begins in its file.</param>
/// <param name="Spec">What it asks for.</param>
public sealed record ServiceResource(ResourceKey Id, SourceLocation Source, ServiceSpec Spec) : IResource
{
    /// <summary>Whether a router is behind it.</summary>
    public bool Selects(RouterKey router, IReadOnlyDictionary<string, string> labels) => router.Namespace == Id.Namespace && Spec.Selects(labels);

    IResource IResource.At(SourceLocation source) => this with { Source = source };

    bool IResource.AsksForTheSame(IResource? other) => other is ServiceResource service && service.Spec == Spec;
}
