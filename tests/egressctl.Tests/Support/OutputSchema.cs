using System.Text.Json;
using System.Text.Json.Nodes;
using EgressAgent.Testing;
using Json.Schema;

namespace EgressAgent.Control.Tests.Support;

/// <summary>schema/egressctl.schema.json.</summary>
internal static class OutputSchema
{
    /// <summary>What is wrong with a text by one definition of the schema; empty when nothing is.</summary>
    internal static string Judge(string definition, string json)
    {
        JsonNode schema = JsonNode.Parse(File.ReadAllText(Repository.PathOf("schema/egressctl.schema.json")))!;
        schema.AsObject().Remove("oneOf");
        schema["$ref"] = $"#/$defs/{definition}";
        using JsonDocument document = JsonDocument.Parse(json);
        EvaluationResults results = JsonSchema.FromText(schema.ToJsonString()).Evaluate(document.RootElement, new EvaluationOptions { OutputFormat = OutputFormat.List });
        return results.IsValid ? "" : string.Join('\n', results.Details!.Where(detail => detail.Errors is not null).SelectMany(
            detail => detail.Errors!.Select(error => $"{detail.InstanceLocation}: {error.Value}")).DefaultIfEmpty("not valid"));
    }
}
