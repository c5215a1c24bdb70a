using EgressAgent.Model.Description;
using EgressAgent.Model.Validation;

namespace EgressAgent.Model.Yaml;

/// <summary>
/// Reads the fields of a mapping by name and remembers which names are known, so that <see cref="Close"/> can report the others.
/// A null value is an absent one, as for Kubernetes.
/// </summary>
internal sealed class FieldReader(YamlMapping mapping, FieldPath? path, FaultList faults)
{
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);
    private readonly HashSet<string> _ignored = new(StringComparer.Ordinal);
    private readonly List<(string Name, string What)> _missing = [];

    public YamlMapping Mapping => mapping;

    public SourceLocation Location => mapping.Location;

    public FieldPath? Path => path;

    /// <summary>A field as its description has it: a required one that is missing is reported.</summary>
    public Field? Read(FieldRule rule) => rule.Required is { } what ? Required(rule.Name, what) : Optional(rule.Name);

    public Field? Optional(string name)
    {
        _known.Add(name);
        return mapping.Find(name) is { } entry && entry.Value is not YamlScalar { IsNull: true }
            ? new Field(entry.Value, FieldPath.Of(path, name), faults)
            : null;
    }

    /// <param name="name">The field.</param>
    /// <param name="what">What belongs there, for the message when it is missing.</param>
    public Field? Required(string name, string what)
    {
        Field? field = Optional(name);
        if (field is null)
        {
            _missing.Add((name, what));
        }

        return field;
    }

    /// <summary>Accepts fields that belong to Kubernetes without reading them.</summary>
    public void Ignore(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            _ignored.Add(name);
        }
    }

    /// <summary>Accepts all fields that were not asked for, in a mapping that is somebody else's.</summary>
    public void IgnoreRest() => Ignore([.. mapping.Entries.Select(entry => entry.Key.Text)]);

    /// <summary>
    /// Reports the required fields that are missing, and every field whose name was not asked for. A missing field for which
    /// there is a misspelt one is reported as that.
    /// </summary>
    /// <returns>False when there was a field that nobody knows.</returns>
    public bool Close()
    {
        bool isUnderstood = true;
        foreach (YamlEntry entry in mapping.Entries)
        {
            string name = entry.Key.Text;
            if (entry.Key.Kind != YamlScalarKind.Faulty && !_known.Contains(name) && !_ignored.Contains(name))
            {
                isUnderstood = false;
                string? meant = Suggestion.Nearest(name, _known);
                string hint = meant is not null
                    ? $"; did you mean `{meant}`?"
                    : $"; allowed here: {string.Join(", ", _known.Order(StringComparer.Ordinal))}";
                faults.Error(entry.Key.Location, FieldPath.Of(path, name), $"unknown field{hint}");
                _missing.RemoveAll(missing => missing.Name == meant);
            }
        }

        foreach ((string name, string what) in _missing)
        {
            SourceLocation place = mapping.Find(name)?.Value.Location ?? mapping.Location;
            faults.Error(place, FieldPath.Of(path, name), $"is required: {what}");
        }

        return isUnderstood;
    }
}
