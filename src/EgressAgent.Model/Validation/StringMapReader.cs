using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Reads labels and annotations: mappings whose keys are the user's own.</summary>
internal static class StringMapReader
{
    /// <summary>The entries whose key is a valid one and whose value is not null.</summary>
    /// <param name="map">The mapping.</param>
    /// <param name="fold">Brings a key into the form in which it is looked at; null for the form in which it stands.</param>
    public static IEnumerable<(YamlScalar Key, Field Value)> Read(Field map, Func<string, string>? fold = null)
    {
        if (map.ReadMapping() is not { } mapping)
        {
            yield break;
        }

        foreach ((YamlScalar key, YamlNode value) in mapping.Entries)
        {
            if (!KubernetesNames.IsKey(fold is null ? key.Text : fold(key.Text)))
            {
                map.Faults.Error(key.Location, FieldPath.Of(map.Path, key.Text), $"the key must be {KubernetesNames.KeyRule}");
            }
            else if (value is not YamlScalar { IsNull: true })
            {
                yield return (key, new Field(value, FieldPath.Of(map.Path, key.Text), map.Faults));
            }
        }
    }
}
