using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using EgressAgent.Model.Description;
using EgressAgent.Model.Validation;

namespace EgressAgent.Model.Tests.Description;

/// <summary>Writes the description of fields as JSON schemas (draft 2020-12, and nothing in them that draft 7 does not know).</summary>
internal static class SchemaText
{
    private static readonly JsonSerializerOptions Format = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string OfRouterFile() => Text("An egress router file of egress-agentd: egress-router(5)", new JsonObject
    {
        ["oneOf"] = new JsonArray(
            Router(isItem: false),
            Whole(ManifestKind.Service, ServiceFields.Metadata, ServiceFields.Spec),
            Kind(ManifestKind.EgressRouterList, ("metadata", new JsonObject()), ("items", ListOf(Router(isItem: true)))),
            Kind(ManifestKind.List, ("metadata", new JsonObject()), ("items", ListOf(new JsonObject { ["type"] = "object" })))),
    });

    public static string OfSettings() => Text("The settings of egress-agentd: egress-agentd(8)", Of(SettingsFields.Document));

    private static string Text(string title, JsonObject schema)
    {
        schema.Insert(0, "title", title);
        schema.Insert(0, "$schema", "http://json-schema.org/draft-07/schema#");
        return JsonSerializer.Serialize(schema, Format).ReplaceLineEndings("\n") + "\n";
    }

    // In a typed list neither version nor kind need be said again.
    private static JsonObject Router(bool isItem)
    {
        JsonObject schema = Whole(ManifestKind.EgressRouter, RouterFields.Metadata, RouterFields.Spec);
        if (isItem)
        {
            schema["required"]!.AsArray().RemoveRange(0, 2);
        }

        return schema;
    }

    private static JsonObject Whole(ManifestKind kind, FieldRule metadata, FieldRule spec)
    {
        JsonObject schema = Of(new MappingRule(metadata, spec) { Ignored = ["status"] });
        JsonObject properties = schema["properties"]!.AsObject();
        properties.Insert(0, "kind", new JsonObject { ["const"] = kind.Name });
        properties.Insert(0, "apiVersion", new JsonObject { ["const"] = kind.ApiVersion });
        schema["required"]!.AsArray().Insert(0, "kind");
        schema["required"]!.AsArray().Insert(0, "apiVersion");
        return schema;
    }

    private static JsonObject Kind(ManifestKind kind, params (string Name, JsonObject Schema)[] fields) => new()
    {
        ["type"] = "object",
        ["properties"] = new JsonObject(
        [
            new("apiVersion", new JsonObject { ["const"] = kind.ApiVersion }),
            new("kind", new JsonObject { ["const"] = kind.Name }),
            .. fields.Select(field => KeyValuePair.Create<string, JsonNode?>(field.Name, field.Schema)),
        ]),
        ["required"] = new JsonArray(["apiVersion", "kind", .. fields.Any(field => field.Name == "items") ? ["items"] : ValueList<JsonNode>.Empty]),
    };

    private static JsonObject ListOf(JsonObject item) => new() { ["type"] = "array", ["items"] = item };

    private static JsonObject Of(ValueRule rule) => rule switch
    {
        TextRule { Pattern: { } pattern } text => new() { ["type"] = "string", ["pattern"] = pattern, ["examples"] = Array(text.Examples) },
        TextRule => new() { ["type"] = "string" },
        IntegerRule integer => new() { ["type"] = "integer", ["minimum"] = integer.Minimum, ["maximum"] = integer.Maximum },
        BooleanRule => new() { ["type"] = "boolean" },
        WordRule word => new() { ["enum"] = Array(word.Words) },
        ListRule { MinimumCount: 0 } list => ListOf(Of(list.Item)),
        ListRule list => new() { ["type"] = "array", ["items"] = Of(list.Item), ["minItems"] = list.MinimumCount },
        EitherRule either => new() { ["anyOf"] = new JsonArray(Of(either.First), Of(either.Second)) },
        TextMapRule map => Of(map),
        MappingRule mapping => Of(mapping),
        _ => throw new ArgumentException($"no schema for {rule}", nameof(rule)),
    };

    private static JsonObject Of(MappingRule mapping)
    {
        JsonObject properties = Properties(mapping.Fields);
        foreach (string name in mapping.Ignored)
        {
            properties.Add(name, new JsonObject());
        }

        return new JsonObject
        {
            ["type"] = "object",
            ["properties"] = properties,
            ["required"] = Array([.. mapping.Fields.Where(field => field.Required is not null).Select(field => field.Name)]),
            ["additionalProperties"] = false,
        };
    }

    private static JsonObject Of(TextMapRule map)
    {
        JsonObject schema = new() { ["type"] = "object", ["properties"] = Properties(map.Known) };

        // Some validators stumble over a slash in such a key, which separates the steps of a JSON pointer.
        string? prefix = map.OwnPrefix?.Replace(".", "[.]", StringComparison.Ordinal).Replace("/", @"\x2f", StringComparison.Ordinal);
        string foreign = prefix is null ? "" : $"^(?!{prefix})";
        schema["patternProperties"] = new JsonObject { [foreign] = OrNull(Of(map.Value)) };
        schema["additionalProperties"] = false;
        return schema;
    }

    private static JsonObject Properties(IEnumerable<FieldRule> fields)
    {
        JsonObject properties = [];
        foreach (FieldRule field in fields)
        {
            JsonObject schema = field.Required is null ? OrNull(Of(field.Value)) : Of(field.Value);
            schema.Insert(0, "description", field.Summary);
            properties.Add(field.Name, schema);
        }

        return properties;
    }

    // A value of null is one that is not there.
    private static JsonObject OrNull(JsonObject schema)
    {
        if (schema["type"] is { } type)
        {
            schema["type"] = new JsonArray(type.GetValue<string>(), "null");
        }
        else if (schema["enum"] is JsonArray words)
        {
            words.Add((JsonNode?)null);
        }
        else
        {
            schema["anyOf"]!.AsArray().Add(new JsonObject { ["type"] = "null" });
        }

        return schema;
    }

    private static JsonArray Array(string[] texts) => new([.. texts.Select(text => JsonValue.Create(text))]);
}
