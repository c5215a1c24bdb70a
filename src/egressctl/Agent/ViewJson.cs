using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace EgressAgent.Control.Agent;

/// <summary>The views as JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(AgentView))]
[JsonSerializable(typeof(RouterView))]
[JsonSerializable(typeof(ServicesView))]
[JsonSerializable(typeof(FlowsView))]
[JsonSerializable(typeof(WhoView))]
[JsonSerializable(typeof(EventsView))]
[JsonSerializable(typeof(ExplanationView))]
internal sealed partial class ViewJson : JsonSerializerContext
{
    // It is no part of a web page: quotes and arrows may stand as they are.
    private static readonly JsonWriterOptions Layout = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    internal static string Write<T>(T view, JsonTypeInfo<T> type) => Write(writer => JsonSerializer.Serialize(writer, view, type));

    internal static string Write(JsonElement element) => Write(element.WriteTo);

    private static string Write(Action<Utf8JsonWriter> write)
    {
        using MemoryStream text = new();
        using (Utf8JsonWriter writer = new(text, Layout))
        {
            write(writer);
        }

        return System.Text.Encoding.UTF8.GetString(text.ToArray());
    }
}
