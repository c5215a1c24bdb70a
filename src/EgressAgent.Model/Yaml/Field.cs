using EgressAgent.Model.Description;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Yaml;

/// <summary>
/// A value, its path, and where to report what is wrong with it. The readers return null after they have reported, so a caller
/// goes on with the next field and every fault of the document comes out.
/// </summary>
internal readonly record struct Field(YamlNode Node, FieldPath? Path, FaultList Faults)
{
    public SourceLocation Location => Node.Location;

    public void Error(string message) => Faults.Error(Location, Path, message);

    public void Warn(string message) => Faults.Warn(Location, Path, message);

    /// <summary>A text. A number, a boolean or null must be quoted to be one, as for Kubernetes.</summary>
    /// <param name="what">What belongs here, for the message: <c>an IP address</c>.</param>
    /// <param name="isAnyText">Whether everything is taken, also what looks like a placeholder.</param>
    public string? ReadText(string what, bool isAnyText = false)
    {
        switch (Node)
        {
            case YamlScalar { Kind: YamlScalarKind.Text } placeholder when !isAnyText && ReportPlaceholder(placeholder):
                return null;
            case YamlScalar { Kind: YamlScalarKind.Text } scalar:
                return scalar.Text;
            case YamlScalar { Kind: YamlScalarKind.Integer or YamlScalarKind.Float or YamlScalarKind.Boolean } scalar:
                Error($"must be {what}, but YAML reads {YamlScalar.Quote(scalar.Text)} as a {Word(scalar.Kind)}; write it in quotes");
                return null;
            default:
                Mismatch(what);
                return null;
        }
    }

    /// <summary>A whole number in a range.</summary>
    public int? ReadInteger(int minimum, int maximum)
    {
        switch (Node)
        {
            case YamlScalar { Kind: YamlScalarKind.Integer } scalar when YamlNumber.HasLeadingZero(scalar.Text):
                Error($"must be {What()}, without leading zeros, which make {YamlScalar.Quote(scalar.Text)} octal");
                return null;
            case YamlScalar { Kind: YamlScalarKind.Integer or YamlScalarKind.Float } scalar:
                if (YamlNumber.TryReadInteger(scalar, out long value) && value >= minimum && value <= maximum)
                {
                    return (int)value;
                }

                Error($"must be {What()}, not {YamlScalar.Quote(scalar.Text)}");
                return null;
            case YamlScalar { Kind: YamlScalarKind.Text, Text: var text } when int.TryParse(text, out _):
                Error($"must be {What()}, but the quotes make {YamlScalar.Quote(text)} a text; write it without them");
                return null;
            default:
                Mismatch(What());
                return null;
        }

        string What() => $"a whole number, {minimum} to {maximum}";
    }

    /// <summary>A whole number in the range of its description.</summary>
    public int? ReadInteger(FieldRule rule) => rule.Value is IntegerRule range
        ? ReadInteger(range.Minimum, range.Maximum)
        : throw new ArgumentException($"{rule.Name} is no number", nameof(rule));

    public bool? ReadBoolean()
    {
        if (Node is YamlScalar { Kind: YamlScalarKind.Boolean } scalar)
        {
            return YamlScalarResolver.IsTrue(scalar.Text);
        }

        Mismatch("`true` or `false`");
        return null;
    }

    /// <summary>One of a few words, spelt exactly.</summary>
    /// <param name="choices">The words.</param>
    /// <param name="isBareTaken">Whether a word may stand without quotes that YAML takes for a boolean then, such as <c>off</c>.</param>
    public T? ReadChoice<T>(Choices<T> choices, bool isBareTaken = false)
        where T : struct
    {
        if (Node is not YamlScalar { Kind: not (YamlScalarKind.Faulty or YamlScalarKind.Null) } scalar)
        {
            Mismatch(choices.ToString());
            return null;
        }

        if (choices.Find(scalar.Text) is { } value)
        {
            if (scalar.Kind == YamlScalarKind.Text || isBareTaken)
            {
                return value;
            }

            Error($"must be {choices} in quotes: without, Kubernetes takes {YamlScalar.Quote(scalar.Text)} for a boolean");
            return null;
        }

        if (ReportPlaceholder(scalar))
        {
            return null;
        }

        Error($"must be {choices}, not {YamlScalar.Quote(scalar.Text)}{Suggestion.For(scalar.Text, choices.Names)}");
        return null;
    }

    /// <summary>The values of a list with their own paths.</summary>
    /// <param name="what">What belongs here, for the message: <c>a list of addresses</c>.</param>
    public IReadOnlyList<Field>? ReadList(string what)
    {
        if (Node is not YamlSequence sequence)
        {
            Mismatch(what);
            return null;
        }

        Field list = this;
        return [.. sequence.Items.Select((item, index) => new Field(item, FieldPath.At(list.Path, index), list.Faults))];
    }

    /// <summary>Opens a mapping whose fields are known by name.</summary>
    public FieldReader? ReadFields(string what = "a mapping") =>
        ReadMapping(what) is { } mapping ? new FieldReader(mapping, Path, Faults) : null;

    /// <summary>A mapping, after keys that are given twice were reported.</summary>
    public YamlMapping? ReadMapping(string what = "a mapping")
    {
        if (Node is not YamlMapping mapping)
        {
            Mismatch(what);
            return null;
        }

        foreach ((YamlScalar key, SourceLocation first) in mapping.Duplicates)
        {
            Faults.Error(key.Location, FieldPath.Of(Path, key.Text), $"is given twice, first in line {first.Line}");
        }

        return mapping;
    }

    private void Mismatch(string what)
    {
        if (Node is YamlScalar scalar && ReportPlaceholder(scalar))
        {
            return;
        }

        if (Node is not YamlScalar { Kind: YamlScalarKind.Faulty })
        {
            Error($"must be {what}, not {Node.Describe()}");
        }
    }

    private bool ReportPlaceholder(YamlScalar scalar)
    {
        if (scalar.Kind != YamlScalarKind.Text || Placeholder.Explain(scalar.Text) is not { } explanation)
        {
            return false;
        }

        Error(explanation);
        return true;
    }

    private static string Word(YamlScalarKind kind) => kind == YamlScalarKind.Boolean ? "boolean" : "number";
}
