using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>A value that may conflict with another document's.</summary>
/// <param name="Location">Where it stands.</param>
/// <param name="Field">Its path.</param>
internal sealed record MarkedValue(SourceLocation Location, string Field)
{
    public static MarkedValue Of(Field field) => new(field.Location, field.Path?.ToString() ?? "");
}

/// <summary>A port of a Service, and where it stands.</summary>
internal sealed record MarkedPort(ServicePortSpec Port, MarkedValue Place);

/// <summary>Where in the file the parts of a Service stand that may conflict with another one.</summary>
/// <param name="Addresses">The pinned addresses.</param>
/// <param name="HostNames">The annotation with the partner's names; null when there is none.</param>
/// <param name="Selector">The selector, or the spec that has none.</param>
/// <param name="Ports">The ports, by the field that says where each leads.</param>
internal sealed record ServiceMarks(
    ValueList<MarkedValue> Addresses, MarkedValue? HostNames, MarkedValue Selector, ValueList<MarkedPort> Ports)
{
    public static readonly ServiceMarks None = new([], null, new MarkedValue(default, ""), []);

    /// <summary>The external addresses.</summary>
    public ValueList<MarkedValue> External { get; init; } = [];
}
