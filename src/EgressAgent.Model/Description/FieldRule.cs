namespace EgressAgent.Model.Description;

/// <summary>A field of a document: what validation asks of it, and what the JSON schema and the manual say about it.</summary>
/// <param name="Name">As it is written.</param>
/// <param name="Summary">One or two sentences, for whoever writes the file.</param>
/// <param name="Value">What it takes.</param>
internal sealed record FieldRule(string Name, string Summary, ValueRule Value)
{
    /// <summary>What belongs there, for the message when it is missing; null when it may be.</summary>
    public string? Required { get; init; }
}

/// <summary>What a value is. A value of <c>null</c> is always one that is not there.</summary>
internal abstract record ValueRule;

/// <summary>A text.</summary>
/// <param name="Pattern">What it matches at least, as ECMAScript and .NET understand it alike; null for any.</param>
/// <param name="Examples">Some that are right, also beside each other.</param>
internal sealed record TextRule(string? Pattern, params string[] Examples) : ValueRule;

/// <summary>A whole number.</summary>
internal sealed record IntegerRule(int Minimum, int Maximum) : ValueRule;

internal sealed record BooleanRule : ValueRule;

/// <summary>One of a few words.</summary>
internal sealed record WordRule(params string[] Words) : ValueRule;

/// <summary>A list.</summary>
/// <param name="Item">Each of its items.</param>
/// <param name="MinimumCount">How many there are at least.</param>
internal sealed record ListRule(ValueRule Item, int MinimumCount = 0) : ValueRule;

/// <summary>A mapping whose fields are known.</summary>
/// <param name="Fields">All that it may have.</param>
internal sealed record MappingRule(params FieldRule[] Fields) : ValueRule
{
    /// <summary>Names that are accepted and not looked at.</summary>
    public ValueList<string> Ignored { get; init; } = [];

    public FieldRule this[string name] => Fields.First(field => field.Name == name);
}

/// <summary>A mapping of texts whose keys are the user's own, but for some.</summary>
/// <param name="Value">Each of its values.</param>
/// <param name="OwnPrefix">Keys that begin so are known, or faults; null when there are none.</param>
/// <param name="Known">Those that are known.</param>
internal sealed record TextMapRule(TextRule Value, string? OwnPrefix, params FieldRule[] Known) : ValueRule;

/// <summary>A value of one kind or the other.</summary>
internal sealed record EitherRule(ValueRule First, ValueRule Second) : ValueRule;
