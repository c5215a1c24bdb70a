using System.Collections.Immutable;
using EgressAgent.Model.Description;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Reads <c>metadata</c>.</summary>
internal static class MetadataReader
{
    /// <param name="document">The document.</param>
    /// <param name="kind">A router, or a Service.</param>
    public static ResourceMetadata? Read(FieldReader document, ResourceKind kind)
    {
        bool isRouter = kind == ResourceKind.EgressRouter;
        FieldRule rule = isRouter ? RouterFields.Metadata : ServiceFields.Metadata;
        MappingRule rules = (MappingRule)rule.Value;
        if (document.Read(rule)?.ReadFields() is not { } metadata)
        {
            return null;
        }

        metadata.Ignore([.. rules.Ignored]);
        Field? nameField = metadata.Read(rules[RouterFields.Name.Name]);
        string? name = nameField is not { } field ? null
            : isRouter ? ReadName(field, KubernetesNames.IsSubdomain, KubernetesNames.SubdomainRule)
            : ReadName(field, KubernetesNames.IsServiceName, KubernetesNames.ServiceNameRule);
        string? @namespace = metadata.Read(rules[RouterFields.Namespace.Name]) is { } namespaceField
            ? ReadName(namespaceField, KubernetesNames.IsDnsLabel, KubernetesNames.DnsLabelRule)
            : RouterKey.DefaultNamespace;
        ImmutableSortedDictionary<string, string> labels = metadata.Read(rules[RouterFields.Labels.Name]) is { } labelsField
            ? LabelReader.Read(labelsField, RouterLabels.Default)
            : RouterLabels.Default;
        AnnotationSettings settings = metadata.Read(rules[RouterFields.Annotations.Name]) is { } annotations
            ? AnnotationReader.Read(annotations, kind)
            : AnnotationSettings.None;
        metadata.Close();

        ResourceKey? key = name is null || @namespace is null ? null : new ResourceKey(kind, @namespace, name);
        return new ResourceMetadata(key, nameField?.Location ?? metadata.Location, labels, settings);
    }

    /// <summary>
    /// The key in a document that could be read only in part. It is not trusted while its metadata may go on: a namespace could
    /// have followed.
    /// </summary>
    public static ResourceKey? ReadKeyOfPart(YamlNode? root)
    {
        YamlMapping? document = root as YamlMapping;
        bool isService = document?.Find("kind")?.Value is YamlScalar { Text: "Service" };
        ResourceKind kind = isService ? ResourceKind.Service : ResourceKind.EgressRouter;
        if (document?.Find("metadata")?.Value is not YamlMapping { IsClosed: true } metadata
            || metadata.Find("name")?.Value is not YamlScalar { Kind: YamlScalarKind.Text } name
            || !(isService ? KubernetesNames.IsServiceName(name.Text) : KubernetesNames.IsSubdomain(name.Text)))
        {
            return null;
        }

        return metadata.Find("namespace")?.Value switch
        {
            null or YamlScalar { IsNull: true } => new ResourceKey(kind, RouterKey.DefaultNamespace, name.Text),
            YamlScalar { Kind: YamlScalarKind.Text, Text: var label } when KubernetesNames.IsDnsLabel(label)
                => new ResourceKey(kind, label, name.Text),
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
}
