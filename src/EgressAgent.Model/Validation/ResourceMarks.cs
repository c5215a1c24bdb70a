using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Where in the file the parts of a document stand that may conflict with another one.</summary>
/// <param name="Path">The path of the resource in its document: null, or <c>items[2]</c> of a list.</param>
/// <param name="Name">Where <c>metadata.name</c> stands.</param>
/// <param name="Addresses">Where the <c>ip</c> of each of <c>spec.addresses</c> stands.</param>
/// <param name="InsideAddress">Where the annotation with the inside addresses stands; null when there is none.</param>
/// <param name="Destinations">Where the <c>destinationIP</c> of each rule stands, as far as the rules are right.</param>
/// <param name="Fallback">Where <c>fallbackIP</c> stands; null when there is none.</param>
internal sealed record ResourceMarks(
    FieldPath? Path,
    SourceLocation Name,
    ValueList<SourceLocation> Addresses,
    SourceLocation? InsideAddress,
    ValueList<SourceLocation> Destinations,
    SourceLocation? Fallback)
{
    /// <summary>Where the <c>gateway</c> of each of <c>spec.addresses</c> stands, or the entry that has none.</summary>
    public ValueList<SourceLocation> Gateways { get; init; } = [];

    /// <summary>What a Service has of its own.</summary>
    public ServiceMarks Service { get; init; } = ServiceMarks.None;
}
