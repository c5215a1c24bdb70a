using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Text;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Legacy;

/// <summary>
/// Says in <c>EgressRouter</c> documents what the egress router Pods of OpenShift 3 and OpenShift SDN say in the environment of a
/// container (openshift/images, egress/router/egress-router.sh).
/// </summary>
public sealed class LegacyRouterConverter
{
    private const string MacvlanAnnotation = "pod.network.openshift.io/assign-macvlan";

    private readonly LegacyObjects _objects;
    private readonly FaultList _faults;
    private readonly StringBuilder _text = new();

    private LegacyRouterConverter(LegacyObjects objects, FaultList faults)
    {
        _objects = objects;
        _faults = faults;
    }

    /// <summary>Converts every egress router of a file; one that cannot be said is left out, and what stands in its way reported.</summary>
    /// <param name="path">What the locations of the findings say; nothing is opened.</param>
    /// <param name="content">The bytes of the file.</param>
    public static LegacyConversion Convert(string path, ReadOnlySpan<byte> content)
    {
        List<YamlDocument> documents = YamlReader.Read(path, content, out Diagnostic? refusal);
        FaultList faults = new();
        faults.AddRange([.. refusal is null ? ValueList<Diagnostic>.Empty : [refusal], .. documents.SelectMany(document => document.Faults)]);
        LegacyRouterConverter converter = new(new LegacyObjects(documents), faults);
        converter.Convert(path);
        return new LegacyConversion(converter._text.ToString(), faults.ToValueList());
    }

    private void Convert(string path)
    {
        foreach (YamlMapping item in _objects.Others)
        {
            FaultList faults = new();
            if (LegacyPod.Find(item, faults) is { } pod)
            {
                string? document = Write(pod, faults);
                _faults.AddRange(faults.ToValueList());
                _text.Append(_text.Length > 0 && document is not null ? "---\n" : "").Append(document);
            }
            else
            {
                string kind = LegacyObjects.Kind(item) is { } named ? YamlScalar.Quote(named.Text) : "without a kind";
                _faults.Warn(item.Location, null, $"an object {kind} is no egress router, and is left out");
            }
        }

        if (_text.Length == 0 && !_faults.HasErrors)
        {
            _faults.Error(new SourceLocation(path, 1, 1), null, $"there is no Pod with {LegacyPod.Source} in the file");
        }
    }

    private string? Write(LegacyPod pod, FaultList faults)
    {
        CheckMode(pod);
        if (faults.HasErrors)
        {
            return null;
        }

        InterfaceAddress? source = Read(pod, LegacyPod.Source, faults) is { } sourceField ? AddressText.ReadInterfaceAddress(sourceField) : null;
        IPAddress? gateway = Read(pod, LegacyPod.Gateway, faults) is { } gatewayField ? AddressText.ReadAddress(gatewayField) : null;
        LegacyDestinations? destinations = Read(pod, LegacyPod.Destination, faults) is { } field
            ? LegacyDestinations.Read(field, ((YamlScalar)field.Node).Text)
            : null;
        YamlScalar? name = LegacyObjects.Text(pod.Owner, "metadata", "name");
        if (name is null)
        {
            faults.Error(pod.Owner.Location, null, "metadata.name is required: the name of the router");
        }

        if (faults.HasErrors)
        {
            return null;
        }

        EgressRouterResource router = new(
            new RouterKey(LegacyObjects.Text(pod.Owner, "metadata", "namespace")?.Text ?? RouterKey.DefaultNamespace, name!.Text),
            pod.Owner.Location,
            ReadLabels(pod),
            new EgressRouterSpec
            {
                MacvlanMode = MacvlanMode.Private,
                Master = LegacyObjects.Text(pod.Template, "metadata", "annotations", MacvlanAnnotation) is { Text: not ("true" or "false" or "") } master
                    ? master.Text
                    : null,
                Addresses = [new AddressSpec(source!, gateway)],
                Rules = destinations!.Rules,
                FallbackIP = destinations.Fallback,
            });
        string text = EgressRouterWriter.Write(router);

        // What only the whole router shows: an address that is no host's, a port that is taken twice.
        foreach (Diagnostic fault in RouterFileParser.Parse("", Encoding.UTF8.GetBytes(text)).AllDiagnostics
            .Where(fault => fault.Severity == DiagnosticSeverity.Error))
        {
            faults.Error(PlaceOf(pod, fault, name), null, $"{fault.Field} of the EgressRouter: {fault.Message}");
        }

        return faults.HasErrors
            ? null
            : string.Create(
                CultureInfo.InvariantCulture,
                $"# What {LegacyObjects.Kind(pod.Owner)?.Text} {name.Text} in {pod.Owner.Location.File}, line {pod.Owner.Location.Line}, did.\n{text}");
    }

    private static void CheckMode(LegacyPod pod)
    {
        if (!pod.Environment.TryGetValue(LegacyPod.Mode, out Field field) || LegacyObjects.Text(field.Node, "value") is not { } mode)
        {
            return;
        }

        string? fault = mode.Text switch
        {
            "init" or "legacy" or "" => null,
            "http-proxy" or "dns-proxy" => $"the mode `{mode.Text}` is not served: an EgressRouter redirects, and is no proxy",
            _ => $"must be `init` or `legacy`, not {YamlScalar.Quote(mode.Text)}",
        };
        if (fault is not null)
        {
            field.Faults.Error(mode.Location, FieldPath.Of(field.Path, "value"), fault);
        }
    }

    /// <summary>The value of a variable, which may stand in a config map of the same file.</summary>
    private Field? Read(LegacyPod pod, string variable, FaultList faults)
    {
        if (!pod.Environment.TryGetValue(variable, out Field entry))
        {
            faults.Error(pod.Template.Location, null, $"{variable} is not among the variables of its containers");
            return null;
        }

        if (LegacyObjects.Text(entry.Node, "value") is { } value)
        {
            return new Field(value, FieldPath.Of(entry.Path, "value"), faults);
        }

        YamlScalar? map = LegacyObjects.Text(entry.Node, "valueFrom", "configMapKeyRef", "name");
        YamlScalar? key = LegacyObjects.Text(entry.Node, "valueFrom", "configMapKeyRef", "key");
        if (map is not null && key is not null)
        {
            if (_objects.FindConfiguration(map.Text, key.Text) is { } configured)
            {
                return new Field(configured, FieldPath.Of(FieldPath.Of(null, "data"), key.Text), faults);
            }

            entry.Error($"{variable} comes from the key {YamlScalar.Quote(key.Text)} of the ConfigMap {YamlScalar.Quote(map.Text)}; put that ConfigMap into the same file");
            return null;
        }

        entry.Error($"{variable} has no value");
        return null;
    }

    // Services select by the labels of the Pod, which for a Deployment are those of its template.
    private static ImmutableSortedDictionary<string, string> ReadLabels(LegacyPod pod)
    {
        ImmutableSortedDictionary<string, string> labels = RouterLabels.Default;
        foreach (YamlEntry entry in (LegacyObjects.Find(pod.Template, "metadata", "labels") as YamlMapping)?.Entries ?? [])
        {
            if (entry.Value is YamlScalar { IsNull: false } value)
            {
                labels = labels.SetItem(entry.Key.Text, value.Text);
            }
        }

        return labels;
    }

    private static SourceLocation PlaceOf(LegacyPod pod, Diagnostic fault, YamlScalar name)
    {
        string? variable = fault.Field switch
        {
            _ when fault.Field.EndsWith("gateway", StringComparison.Ordinal) => LegacyPod.Gateway,
            _ when fault.Field.StartsWith("spec.addresses", StringComparison.Ordinal) => LegacyPod.Source,
            _ when fault.Field.StartsWith("spec.redirect", StringComparison.Ordinal) => LegacyPod.Destination,
            _ => null,
        };
        return variable is null ? name.Location : pod.Environment[variable].Location;
    }
}

/// <summary>What a file with legacy egress router Pods comes to.</summary>
/// <param name="Text">The <c>EgressRouter</c> documents; empty when there is none.</param>
/// <param name="Diagnostics">What cannot be said, and (as warnings) what was left out.</param>
public sealed record LegacyConversion(string Text, ValueList<Diagnostic> Diagnostics);
