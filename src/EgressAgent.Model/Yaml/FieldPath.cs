using System.Globalization;

namespace EgressAgent.Model.Yaml;

/// <summary>Where a field is in its document. It is spelt out only when a message needs it.</summary>
internal sealed class FieldPath
{
    private readonly FieldPath? _parent;
    private readonly string? _name;
    private readonly int _index;

    private FieldPath(FieldPath? parent, string? name, int index) => (_parent, _name, _index) = (parent, name, index);

    /// <summary>A field by its name: <c>spec.mode</c>, <c>metadata.annotations[egressagent.org/clients]</c>.</summary>
    /// <param name="parent">Null at the top.</param>
    /// <param name="name">As it is written.</param>
    public static FieldPath Of(FieldPath? parent, string name) => new(parent, name, 0);

    /// <summary>An item of a list, from 0.</summary>
    public static FieldPath At(FieldPath? parent, int index) => new(parent, null, index);

    public override string ToString() => (_parent, Step()) switch
    {
        (null, var step) => step,
        (_, ['[', ..] step) => _parent + step,
        (_, var step) => $"{_parent}.{step}",
    };

    private string Step()
    {
        string readable = _name is null ? _index.ToString(CultureInfo.InvariantCulture) : YamlScalar.Shorten(_name);
        return _name is null || readable.Length == 0 || readable.AsSpan().ContainsAny("./[] ") ? $"[{readable}]" : readable;
    }
}
