using System.Collections.Immutable;
using EgressAgent.Model.Description;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Reads <c>metadata</c>.</summary>
internal static class MetadataReader
{
    public static ResourceMetadata? Read(FieldReader document)
    {
        if (document.Read(RouterFields.Metadata)?.ReadFields() is not { } metadata)
        {
            return null;
        }

        metadata.Ignore([.. ((MappingRule)RouterFields.Metadata.Value).Ignored]);
        Field? nameField = metadata.Read(RouterFields.Name);
        string? name = nameField is { } field
            ? ReadName(field, KubernetesNames.IsSubdomain, KubernetesNames.SubdomainRule)
            : null;
        string? @namespace = metadata.Read(RouterFields.Namespace) is { } namespaceField
            ? ReadName(namespaceField, KubernetesNames.IsDnsLabel, KubernetesNames.DnsLabelRule)
            : RouterKey.DefaultNamespace;
        ImmutableSortedDictionary<string, string> labels = metadata.Read(RouterFields.Labels) is { } labelsField
            ? ReadLabels(labelsField)
            : RouterLabels.Default;
        AnnotationSettings settings = metadata.Read(RouterFields.Annotations) is { } annotations
            ? AnnotationReader.Read(annotations)
            : AnnotationSettings.None;
        metadata.Close();

        RouterKey? key = name is null || @namespace is null ? null : new RouterKey(@namespace, name);
        return new ResourceMetadata(key, nameField?.Location ?? metadata.Location, labels, settings);
    }

    /// <summary>
    /// The key in a document that could be read only in part. It is not trusted while its metadata may go on: a namespace could
    /// have followed.
    /// </summary>
    public static RouterKey? ReadKeyOfPart(YamlNode? root)
    {
        if ((root as YamlMapping)?.Find("metadata")?.Value is not YamlMapping { IsClosed: true } metadata
            || metadata.Find("name")?.Value is not YamlScalar { Kind: YamlScalarKind.Text } name
            || !KubernetesNames.IsSubdomain(name.Text))
        {
            return null;
        }

        return metadata.Find("namespace")?.Value switch
        {
            null or YamlScalar { IsNull: true } => new RouterKey(RouterKey.DefaultNamespace, name.Text),
            YamlScalar { Kind: YamlScalarKind.Text, Text: var label } when KubernetesNames.IsDnsLabel(label)
                => new RouterKey(label, name.Text),
            _ => null,
        };
    }

    private static string? ReadName(Field field, Func<string, bool> isValid, string rule)
    {
        string? name = field.ReadText("a text");
        if (name is not null && !isValid(name))
        {
            field.Error($"must be {rule}, not {YamlScalar.Quote(name)}");
            return null;
        }

        return name;
    }

    private static ImmutableSortedDictionary<string, string> ReadLabels(Field field)
    {
        ImmutableSortedDictionary<string, string> labels = RouterLabels.Default;
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
