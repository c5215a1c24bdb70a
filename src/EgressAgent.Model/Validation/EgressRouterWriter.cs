using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>
/// Writes a router as the one canonical document that <see cref="RouterFileParser"/> reads back to the same value, but for the
/// source location. Equal routers give equal texts.
/// </summary>
public static class EgressRouterWriter
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>As YAML.</summary>
    public static string Write(EgressRouterResource router)
    {
        using JsonDocument document = JsonDocument.Parse(WriteJson(router));
        return YamlText.Of(document.RootElement);
    }

    /// <summary>As JSON.</summary>
    /// <param name="router">The router.</param>
    /// <param name="generation"><c>metadata.generation</c>; null where none is to be told.</param>
    /// <param name="status">Writes what is below <c>status</c>; null where none is to be told.</param>
    public static string WriteJson(EgressRouterResource router, long? generation = null, Action<Utf8JsonWriter>? status = null)
    {
        ArrayBufferWriter<byte> text = new();
        using (Utf8JsonWriter json = new(text, Options))
        {
            json.WriteStartObject();
            json.WriteString("apiVersion", ManifestKind.EgressRouter.ApiVersion);
            json.WriteString("kind", ManifestKind.EgressRouter.Name);
            json.WriteStartObject("metadata");
            WriteMetadata(json, router, generation);
            json.WriteEndObject();
            json.WriteStartObject("spec");
            WriteSpec(json, router.Spec);
            json.WriteEndObject();
            if (status is not null)
            {
                json.WriteStartObject("status");
                status(json);
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(text.WrittenSpan);
    }

    private static void WriteMetadata(Utf8JsonWriter json, EgressRouterResource router, long? generation)
    {
        json.WriteString("name", router.Key.Name);
        json.WriteString("namespace", router.Key.Namespace);
        if (generation is { } number)
        {
            json.WriteNumber("generation", number);
        }

        json.WriteStartObject("labels");
        foreach ((string key, string value) in router.Labels)
        {
            json.WriteString(key, value);
        }

        json.WriteEndObject();
        EgressRouterSpec spec = router.Spec;
        (string Key, string? Value)[] annotations =
        [
            (RouterAnnotations.Clients, spec.Clients?.ToString()),
            (RouterAnnotations.Datapath, spec.Datapath is { } datapath ? RouterChoices.Datapaths.NameOf(datapath) : null),
            (RouterAnnotations.Failover, spec.Failover == FailoverMode.None ? null : RouterChoices.Failovers.NameOf(spec.Failover)),
            (RouterAnnotations.FlowLog, spec.FlowLog is { } flowLog ? RouterChoices.FlowLogs.NameOf(flowLog) : null),
            (RouterAnnotations.FlowOffload, spec.FlowOffload is { } flowOffload ? RouterChoices.FlowOffloads.NameOf(flowOffload) : null),
            (RouterAnnotations.InsideAddress, spec.PinnedInsideAddresses is { Count: > 0 } pinned ? string.Join(", ", pinned) : null),
            (RouterAnnotations.LocalProcesses, spec.LocalProcesses == LocalProcesses.Allow ? null : RouterChoices.LocalProcesses.NameOf(spec.LocalProcesses)),
            (RouterAnnotations.MacAddress, spec.MacAddress?.ToColonString()),
            (RouterAnnotations.PassthruTakesTheNode, spec.PassthruTakesTheNode ? "true" : null),
        ];
        if (annotations.Any(annotation => annotation.Value is not null))
        {
            json.WriteStartObject("annotations");
            foreach ((string key, string? value) in annotations)
            {
                WriteOptional(json, key, value);
            }

            json.WriteEndObject();
        }
    }

    private static void WriteSpec(Utf8JsonWriter json, EgressRouterSpec spec)
    {
        json.WriteStartObject("networkInterface");
        json.WriteStartObject("macvlan");
        json.WriteString("mode", RouterChoices.MacvlanModes.NameOf(spec.MacvlanMode));
        WriteOptional(json, "master", spec.Master);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteStartArray("addresses");
        foreach (AddressSpec address in spec.Addresses)
        {
            json.WriteStartObject();
            json.WriteString("ip", address.Address.ToString());
            WriteOptional(json, "gateway", address.Gateway?.ToString());
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("mode", "Redirect");
        json.WriteStartObject("redirect");
        if (spec.Rules.Count > 0)
        {
            json.WriteStartArray("redirectRules");
            foreach (RedirectRuleSpec rule in spec.Rules)
            {
                json.WriteStartObject();
                json.WriteString("destinationIP", rule.Destination.ToString());
                json.WriteNumber("port", rule.Port);
                json.WriteNumber("targetPort", rule.TargetPort);
                json.WriteString("protocol", RouterChoices.Protocols.NameOf(rule.Protocol));
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        WriteOptional(json, "fallbackIP", spec.FallbackIP?.ToString());
        json.WriteEndObject();
    }

    private static void WriteOptional(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null)
        {
            json.WriteString(name, value);
        }
    }
}
