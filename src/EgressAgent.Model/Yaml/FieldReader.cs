using EgressAgent.Model.Description;

namespace EgressAgent.Model.Yaml;

/// <summary>
/// Reads the fields of a mapping by name and remembers which names are known, so that <see cref="Close"/> can report the others.
/// A null value is an absent one, as for Kubernetes.
/// </summary>
internal sealed class FieldReader(YamlMapping mapping, FieldPath? path, FaultList faults)
{
    private readonly List<string> _known = new(4);
    private List<string>? _ignored;
    private List<(string Name, string What)>? _missing;
    private int _found;
    private bool _ignoresRest;

    public YamlMapping Mapping => mapping;

    public SourceLocation Location => mapping.Location;

    public FieldPath? Path => path;

    /// <summary>A field as its description has it: a required one that is missing is reported.</summary>
    public Field? Read(FieldRule rule) => rule.Required is { } what ? Required(rule.Name, what) : Optional(rule.Name);

    public Field? Optional(string name)
    {
        YamlEntry? entry = mapping.Find(name);
        if (!_known.Contains(name))
        {
            _known.Add(name);
            _found += entry is null ? 0 : 1;
        }

        return entry is { Value: not YamlScalar { IsNull: true } and var value } ? new Field(value, FieldPath.Of(path, name), faults) : null;
    }

    /// <param name="name">The field.</param>
    /// <param name="what">What belongs there, for the message when it is missing.</param>
    public Field? Required(string name, string what)
    {
        Field? field = Optional(name);
        if (field is null)
        {
            (_missing ??= []).Add((name, what));
        }

        return field;
    }

    /// <summary>Accepts fields that belong to Kubernetes without reading them.</summary>
    public void Ignore(params ReadOnlySpan<string> names) => (_ignored ??= []).AddRange(names);

    /// <summary>Reports a field that belongs to what is not served, at its value.</summary>
    public void Refuse(string name, string why)
    {
        Ignore(name);
        if (mapping.Find(name) is { Value: not YamlScalar { IsNull: true } } entry)
        {
            faults.Error(entry.Value.Location, FieldPath.Of(path, name), why);
        }
    }

    /// <summary>Accepts all fields that were not asked for, in a mapping that is somebody else's.</summary>
    public void IgnoreRest() => _ignoresRest = true;

    /// <summary>
    /// Reports the required fields that are missing, and every field whose name was not asked for. A missing field for which
    /// there is a misspelt one is reported as that.
    /// </summary>
    /// <returns>False when there was a field that nobody knows.</returns>
    public bool Close()
    {
        bool isUnderstood = _ignoresRest || _found == mapping.Entries.Count || ReportUnknown();
        foreach ((string name, string what) in _missing ?? [])
        {
            SourceLocation place = mapping.Find(name)?.Value.Location ?? mapping.Location;
            faults.Error(place, FieldPath.Of(path, name), $"is required: {what}");
        }

        return isUnderstood;
    }

    private bool ReportUnknown()
    {
        bool isUnderstood = true;
        foreach (YamlEntry entry in mapping.Entries)
        {
            string name = entry.Key.Text;
            if (entry.Key.Kind != YamlScalarKind.Faulty && !_known.Contains(name) && _ignored?.Contains(name) is not true)
            {
                isUnderstood = false;
                string? meant = Suggestion.Nearest(name, _known);
                string hint = meant is not null
                    ? $"; did you mean `{meant}`?"
                    : $"; allowed here: {string.Join(", ", _known.Order(StringComparer.Ordinal))}";
                faults.Error(entry.Key.Location, FieldPath.Of(path, name), $"unknown field{hint}");
                _missing?.RemoveAll(missing => missing.Name == meant);
            }
        }

        return isUnderstood;
    }
}
