using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using CsCheck;
using EgressAgent.Model.Configuration;
using EgressAgent.Model.Description;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;
using Json.Schema;

namespace EgressAgent.Model.Tests.Description;

/// <summary>
/// Validation, the JSON schemas and the manual go by one description of fields. <c>EGRESS_WRITE_SCHEMAS=1</c> writes the schemas anew.
/// </summary>
public partial class SchemaTests
{
    private const string RouterSchema = "schema/egress-router.schema.json";
    private const string SettingsSchema = "schema/agentd.schema.json";

    private static readonly MappingRule Router = new(RouterFields.Metadata, RouterFields.Spec) { Ignored = ["status"] };
    private static readonly MappingRule Service = new(ServiceFields.Metadata, ServiceFields.Spec) { Ignored = ["status"] };

    [Fact]
    public void Schemas_areThoseOfTheDescription()
    {
        foreach ((string path, string expected) in ((string, string)[])[(RouterSchema, SchemaText.OfRouterFile()), (SettingsSchema, SchemaText.OfSettings())])
        {
            string file = Path.Combine(RepositoryFiles.Root, path);
            if (Environment.GetEnvironmentVariable("EGRESS_WRITE_SCHEMAS") == "1")
            {
                File.WriteAllText(file, expected);
            }

            Assert.Equal(expected, File.ReadAllText(file));
        }
    }

    [Fact]
    public void Router_generated_isRightToSchemaAndValidationAlike()
    {
        JsonSchema schema = JsonSchema.FromText(Encoding.UTF8.GetString(RepositoryFiles.Read(RouterSchema)));
        DocumentGen.Of(Router, Complete).Sample(
            document => AssertAgreement(document, schema, RouterFileParser.Parse("web.yaml", Bytes(document)).AllDiagnostics), iter: 5000);

        // What needs more than one value is not the schema's.
        static void Complete(JsonObject root)
        {
            root.Add("apiVersion", ManifestKind.RouterApiVersion);
            root.Add("kind", "EgressRouter");
            if (root["spec"]?["networkInterface"]?["macvlan"]?["mode"]?.ToString() == nameof(MacvlanMode.Passthru))
            {
                root["metadata"]?["annotations"]?.AsObject().Remove(RouterAnnotations.Failover);
            }
        }
    }

    [Fact]
    public void Service_generated_isRightToSchemaAndValidationAlike()
    {
        JsonSchema schema = JsonSchema.FromText(Encoding.UTF8.GetString(RepositoryFiles.Read(RouterSchema)));
        DocumentGen.Of(Service, Complete).Sample(
            document => AssertAgreement(document, schema, RouterFileParser.Parse("web.yaml", Bytes(document)).AllDiagnostics), iter: 5000);

        // What needs more than one value is not the schema's.
        static void Complete(JsonObject root)
        {
            root.Add("apiVersion", "v1");
            root.Add("kind", "Service");
            JsonObject spec = root["spec"]!.AsObject();
            spec["clusterIP"] = spec["clusterIPs"]?[0]?.DeepClone();
            spec.Remove("ipFamilies");
            if (spec["clusterIPs"] is JsonArray { Count: > 1 })
            {
                spec.Remove("ipFamilyPolicy");
            }

            if (spec["ports"] is not JsonArray { Count: > 0 })
            {
                spec["ports"] = new JsonArray(new JsonObject { ["port"] = 80 });
            }

            for (int i = 0; spec["ports"]!.AsArray() is var ports && ports.Count > 1 && i < ports.Count; i++)
            {
                ports[i]!["name"] = $"port-{i}";
            }
        }
    }

    [Fact]
    public void Settings_generated_areRightToSchemaAndValidationAlike()
    {
        JsonSchema schema = JsonSchema.FromText(Encoding.UTF8.GetString(RepositoryFiles.Read(SettingsSchema)));
        DocumentGen.Of(SettingsFields.Document, Complete).Sample(
            document => AssertAgreement(document, schema, AgentConfigurationParser.Parse("agentd.yaml", Bytes(document)).Diagnostics), iter: 5000);

        // What needs two values is not the schema's.
        static void Complete(JsonObject root)
        {
            if (root["cluster"]?["etcd"] is JsonObject etcd)
            {
                foreach ((string first, string second) in ((string, string)[])[("certFile", "keyFile"), ("username", "passwordFile")])
                {
                    if (etcd[first] is null || etcd[second] is null)
                    {
                        etcd.Remove(first);
                        etcd.Remove(second);
                    }
                }
            }
        }
    }

    [Theory]
    [InlineData("{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": []}", true)]
    [InlineData("{\"apiVersion\": \"v1\", \"kind\": \"List\"}", false)]
    [InlineData("{\"apiVersion\": \"network.operator.openshift.io/v1\", \"kind\": \"EgressRouterList\", \"items\": [{\"metadata\": {\"name\": \"web\"}, \"spec\": {\"addresses\": [{\"ip\": \"192.0.2.9\"}], \"redirect\": {\"fallbackIP\": \"192.0.2.1\"}}}]}", true)]
    [InlineData("{\"apiVersion\": \"network.operator.openshift.io/v1\", \"kind\": \"EgressRouterList\", \"items\": [{\"metadata\": {\"name\": \"web\"}}]}", false)]
    [InlineData("{\"apiVersion\": \"v1\", \"kind\": \"Service\", \"metadata\": {\"name\": \"web\"}, \"spec\": {\"ports\": [{\"port\": 80}]}}", true)]
    [InlineData("{\"apiVersion\": \"v1\", \"kind\": \"Service\", \"metadata\": {\"name\": \"web\"}}", false)]
    [InlineData("{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"web\"}}", false)]
    public void Kinds_areRightToSchemaAndValidationAlike(string json, bool isRight)
    {
        JsonSchema schema = JsonSchema.FromText(Encoding.UTF8.GetString(RepositoryFiles.Read(RouterSchema)));

        AssertAgreement(
            new GeneratedDocument(JsonNode.Parse(json)!.AsObject(), isRight, ""), schema, RouterFileParser.Parse("web.yaml", Encoding.UTF8.GetBytes(json)).AllDiagnostics);
    }

    [Fact]
    public void Annotations_ofTheDescription_areThoseThatAreRead() =>
        Assert.Equal(
            (RouterAnnotations.All, ServiceAnnotations.All),
            (Known(RouterFields.Annotations), Known(ServiceFields.Annotations)));

    private static ValueList<string> Known(FieldRule annotations) => ((TextMapRule)annotations.Value).Known.Select(field => field.Name).ToValueList();

    [Fact]
    public void Manual_hasEachFieldOfTheDescription()
    {
        string[] router = [.. Items("man/egress-router.5", "FIELDS"), .. Items("man/egress-router.5", "ANNOTATIONS")];
        string[] service = [.. Items("man/egress-router.5", "SERVICES")];
        string[] settings = [.. Items("man/egress-agentd.8", "SETTINGS")];

        Assert.Equal(
            [.. Leaves("metadata", RouterFields.Metadata.Value).Concat(Leaves("spec", RouterFields.Spec.Value)).Order(StringComparer.Ordinal)],
            router.Except(["apiVersion", "kind", "spec.redirect"]).Order(StringComparer.Ordinal));
        Assert.Equal(
            [.. Leaves("metadata", ServiceFields.Metadata.Value).Concat(Leaves("spec", ServiceFields.Spec.Value)).Order(StringComparer.Ordinal)],
            service.Except(["apiVersion", "kind"]).Order(StringComparer.Ordinal));
        Assert.Equal(
            SettingsFields.Document.Fields.Select(field => field.Name).Except(["apiVersion", "kind"]).Order(StringComparer.Ordinal),
            settings.Order(StringComparer.Ordinal));
    }

    private static void AssertAgreement(GeneratedDocument document, JsonSchema schema, IEnumerable<Diagnostic> findings)
    {
        string[] faults = [.. findings.Where(finding => finding.Severity == DiagnosticSeverity.Error).Select(finding => finding.ToString())];
        bool isRightToSchema = schema.Evaluate(JsonSerializer.SerializeToElement(document.Root)).IsValid;
        Assert.True(
            isRightToSchema == document.IsRight && (faults.Length == 0) == document.IsRight,
            $"{document.Fault}\nto the schema: {isRightToSchema}\nto validation: {string.Join('\n', faults)}\n{document.Root.ToJsonString()}");
    }

    private static byte[] Bytes(GeneratedDocument document) => Encoding.UTF8.GetBytes(document.Root.ToJsonString());

    private static IEnumerable<string> Leaves(string path, ValueRule rule) => rule switch
    {
        MappingRule mapping => mapping.Fields.SelectMany(field => Leaves($"{path}.{field.Name}", field.Value)),
        ListRule { Item: MappingRule item } list when list.MinimumCount > 0 => [path, .. Leaves($"{path}[]", item)],
        ListRule { Item: MappingRule item } => Leaves($"{path}[]", item),
        TextMapRule map => [path, .. map.Known.Select(field => field.Name)],
        _ => [path],
    };

    // `.It Ic name , name` in a section.
    private static IEnumerable<string> Items(string page, string section)
    {
        string text = Encoding.UTF8.GetString(RepositoryFiles.Read(page));
        int start = text.IndexOf($".Sh {section}\n", StringComparison.Ordinal);
        int end = text.IndexOf("\n.Sh ", start + 1, StringComparison.Ordinal);
        return Item().Matches(text[start..end]).SelectMany(match => match.Groups[1].Value.Split(" , "));
    }

    [GeneratedRegex(@"^\.It Ic (.+)$", RegexOptions.Multiline)]
    private static partial Regex Item();
}
