using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>
/// A Pod that sets up an egress router by environment variables, as OpenShift had them before there was an <c>EgressRouter</c>; alone,
/// or as the template of a Deployment or the like.
/// </summary>
/// <param name="Owner">The object of the file.</param>
/// <param name="Template">The Pod, or its template.</param>
/// <param name="Environment">Its variables: the entries of <c>env</c> by name.</param>
internal sealed record LegacyPod(YamlMapping Owner, YamlMapping Template, IReadOnlyDictionary<string, Field> Environment)
{
    public const string Source = "EGRESS_SOURCE";
    public const string Gateway = "EGRESS_GATEWAY";
    public const string Destination = "EGRESS_DESTINATION";
    public const string Mode = "EGRESS_ROUTER_MODE";

    /// <summary>Null when the object is none.</summary>
    public static LegacyPod? Find(YamlMapping item, FaultList faults)
    {
        bool isPod = LegacyObjects.Kind(item)?.Text == "Pod";
        FieldPath? path = isPod ? null : FieldPath.Of(FieldPath.Of(null, "spec"), "template");
        if ((isPod ? item : LegacyObjects.Find(item, "spec", "template")) is not YamlMapping template)
        {
            return null;
        }

        Dictionary<string, Field> environment = new(StringComparer.Ordinal);
        FieldPath spec = FieldPath.Of(path, "spec");
        foreach (string list in (string[])["initContainers", "containers"])
        {
            ReadContainers(LegacyObjects.Find(template, "spec", list), FieldPath.Of(spec, list), environment, faults);
        }

        return environment.ContainsKey(Source) || environment.ContainsKey(Mode) ? new LegacyPod(item, template, environment) : null;
    }

    private static void ReadContainers(YamlNode? list, FieldPath path, Dictionary<string, Field> environment, FaultList faults)
    {
        IReadOnlyList<YamlNode> containers = (list as YamlSequence)?.Items ?? [];
        for (int i = 0; i < containers.Count; i++)
        {
            FieldPath env = FieldPath.Of(FieldPath.At(path, i), "env");
            IReadOnlyList<YamlNode> entries = (LegacyObjects.Find(containers[i], "env") as YamlSequence)?.Items ?? [];
            for (int j = 0; j < entries.Count; j++)
            {
                if (LegacyObjects.Text(entries[j], "name") is { } name)
                {
                    environment[name.Text] = new Field(entries[j], FieldPath.At(env, j), faults);
                }
            }
        }
    }
}
