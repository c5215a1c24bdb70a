using System.Collections.Immutable;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Reads labels, and selectors of them.</summary>
internal static class LabelReader
{
    /// <param name="field">The mapping.</param>
    /// <param name="given">Those that are there unless the mapping says otherwise.</param>
    public static ImmutableSortedDictionary<string, string> Read(Field field, ImmutableSortedDictionary<string, string> given)
    {
        ImmutableSortedDictionary<string, string> labels = given;
        foreach ((YamlScalar key, Field value) in StringMapReader.Read(field))
        {
            if (value.ReadText("a text") is not { } text)
            {
                continue;
            }

            if (!KubernetesNames.IsLabelValue(text))
            {
                value.Error($"must be {KubernetesNames.LabelValueRule}, not {YamlScalar.Quote(text)}");
            }
            else
            {
                labels = labels.SetItem(key.Text, text);
            }
        }

        return labels;
    }
}
