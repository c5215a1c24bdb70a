using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Reads labels and annotations: mappings whose keys are the user's own.</summary>
internal static class StringMapReader
{
    /// <summary>The entries whose key is a valid one and whose value is not null.</summary>
    public static IEnumerable<(YamlScalar Key, Field Value)> Read(Field map)
    {
        if (map.ReadMapping() is not { } mapping)
        {
            yield break;
        }

        foreach ((YamlScalar key, YamlNode value) in mapping.Entries)
        {
            if (!KubernetesNames.IsKey(key.Text))
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
