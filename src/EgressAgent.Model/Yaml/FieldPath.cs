using System.Globalization;

namespace EgressAgent.Model.Yaml;

/// <summary>Where a field is in its document. It is spelt out only when a message needs it.</summary>
/// <param name="Parent">Null at the top.</param>
/// <param name="Step">As it is appended to the parent: a name, or <c>[…]</c>.</param>
internal sealed record FieldPath(FieldPath? Parent, string Step)
{
    /// <summary>A field by its name: <c>spec.mode</c>, <c>metadata.annotations[egressagent.org/clients]</c>.</summary>
    public static FieldPath Of(FieldPath? parent, string name)
    {
        string readable = YamlScalar.Shorten(name);
        return new FieldPath(parent, readable.AsSpan().ContainsAny("./[] ") || readable.Length == 0 ? $"[{readable}]" : readable);
    }

    /// <summary>An item of a list, from 0.</summary>
    public static FieldPath At(FieldPath? parent, int index) => new(parent, $"[{index.ToString(CultureInfo.InvariantCulture)}]");

    public override string ToString() => Parent switch
    {
        null => Step,
        _ when Step[0] == '[' => Parent + Step,
        _ => $"{Parent}.{Step}",
    };
}
