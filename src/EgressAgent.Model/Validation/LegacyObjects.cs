using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>The Kubernetes objects of a file, those of lists among them.</summary>
internal sealed class LegacyObjects
{
    private readonly List<YamlMapping> _objects = [];

    public LegacyObjects(IEnumerable<YamlDocument> documents)
    {
        foreach (YamlDocument document in documents.Where(document => document.IsComplete))
        {
            Add(document.Root);
        }
    }

    /// <summary>In the order of the file, without config maps.</summary>
    public IEnumerable<YamlMapping> Others => _objects.Where(item => Kind(item)?.Text != "ConfigMap");

    public static YamlScalar? Kind(YamlMapping item) => Text(item, "kind");

    /// <summary>A value by the names of the mappings that lead to it; null when there is none.</summary>
    public static YamlNode? Find(YamlNode? node, params ReadOnlySpan<string> path)
    {
        foreach (string step in path)
        {
            node = (node as YamlMapping)?.Find(step)?.Value;
        }

        return node;
    }

    public static YamlScalar? Text(YamlNode? node, params ReadOnlySpan<string> path) =>
        Find(node, path) is YamlScalar { IsNull: false } scalar ? scalar : null;

    /// <summary>What a config map of the file has under a key.</summary>
    public YamlScalar? FindConfiguration(string name, string key) => _objects
        .Where(item => Kind(item)?.Text == "ConfigMap" && Text(item, "metadata", "name")?.Text == name)
        .Select(item => Text(item, "data", key))
        .FirstOrDefault();

    private void Add(YamlNode? node)
    {
        if (node is not YamlMapping mapping)
        {
            return;
        }

        if (Kind(mapping)?.Text == ManifestKind.List.Name && Find(mapping, "items") is YamlSequence items)
        {
            foreach (YamlNode item in items.Items)
            {
                Add(item);
            }
        }
        else
        {
            _objects.Add(mapping);
        }
    }
}
