using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Reads <c>apiVersion</c> and <c>kind</c>.</summary>
internal static class ManifestKindReader
{
    /// <summary>
    /// The kind as which the rest of the document is to be read: the one that it names, or the one that it seems to mean, so that
    /// its other faults are reported too. Null when it is a document for somebody else.
    /// </summary>
    /// <param name="document">The document or item.</param>
    /// <param name="implied">What the items of a typed list are, which need not say so again.</param>
    public static ManifestKind? Read(FieldReader document, ManifestKind? implied)
    {
        Field? versionField = document.Optional("apiVersion");
        Field? kindField = document.Optional("kind");
        if (implied is not null && versionField is null && kindField is null)
        {
            return implied;
        }

        string? version = document.Required("apiVersion", $"`{ManifestKind.RouterApiVersion}` for an EgressRouter")?.ReadText("a text");
        string? name = document.Required("kind", "`EgressRouter`")?.ReadText("a text");
        ManifestKind? kind = name is null ? null : ManifestKind.Find(name);
        if (name is not null && kind is null && WhyNotServed(document, name, kindField!.Value.Location.File) is { } reason)
        {
            kindField.Value.Error(reason);
            return null;
        }

        if (name is not null && kind is null)
        {
            string? nearest = Suggestion.Nearest(name, ManifestKind.All.Select(known => known.Name));
            string hint = nearest is null ? "" : $"; did you mean `{nearest}`?";
            kindField!.Value.Error(
                $"{YamlScalar.Quote(name)} is not served; allowed are EgressRouter, Service, and List or EgressRouterList of them{hint}");
            kind = nearest is null ? null : ManifestKind.Find(nearest);
        }
        else if (kind is not null && version is not null && version != kind.ApiVersion)
        {
            versionField!.Value.Error($"must be `{kind.ApiVersion}` for kind {kind.Name}, not {YamlScalar.Quote(version)}");
        }

        bool meansRouter = version == ManifestKind.RouterApiVersion || (name is null && version != ManifestKind.Service.ApiVersion);
        return kind ?? (meansRouter ? ManifestKind.EgressRouter : null);
    }

    // What people have who come from OpenShift.
    private static string? WhyNotServed(FieldReader document, string kind, string file) => kind switch
    {
        "Template" => "a template is not served; process the template first (oc process), and save what comes of it",
        _ when LegacyPod.Find(document.Mapping, new FaultList()) is not null
            => $"an egress router that is a {YamlScalar.Shorten(kind)} is not served; `egress-agentd convert {file}` prints the EgressRouter that does the same",
        _ => null,
    };
}
