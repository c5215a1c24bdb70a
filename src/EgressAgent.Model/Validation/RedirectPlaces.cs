namespace EgressAgent.Model.Validation;

/// <summary>Where the destinations of a router stand.</summary>
/// <param name="Destinations">Those of the rules that are right.</param>
/// <param name="Fallback">Null when there is none.</param>
internal sealed record RedirectPlaces(ValueList<SourceLocation> Destinations, SourceLocation? Fallback)
{
    public static readonly RedirectPlaces None = new([], null);
}
