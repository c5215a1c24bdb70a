using System.Text.Json.Nodes;
using CsCheck;
using EgressAgent.Model.Description;

namespace EgressAgent.Model.Tests.Description;

/// <summary>A document, and whether it is as the description says.</summary>
internal sealed record GeneratedDocument(JsonObject Root, bool IsRight, string Fault);

/// <summary>Random documents by the description of fields: right ones, and ones with one fault in one place.</summary>
internal static class DocumentGen
{
    public static Gen<GeneratedDocument> Of(MappingRule rule, Action<JsonObject> complete) => Gen.Int[0, int.MaxValue].Select(seed =>
    {
        Random random = new(seed);
        JsonObject root = Right(rule, random);
        complete(root);
        string fault = random.Next(3) == 0 ? "" : Break(root, rule, random);
        return new GeneratedDocument(root, fault.Length == 0, fault);
    });

    private static JsonNode? Right(ValueRule rule, Random random, int index) => rule switch
    {
        TextRule text => text.Examples[index % text.Examples.Length],
        IntegerRule => 8000 + index,
        BooleanRule => random.Next(2) == 0,
        WordRule word => word.Words[random.Next(word.Words.Length)],
        ListRule { Item: MappingRule } list => List(list, random, random.Next(list.MinimumCount, 3)),
        ListRule list => List(list, random, random.Next(Math.Max(1, list.MinimumCount), 3)),
        EitherRule either => Right(random.Next(2) == 0 ? either.First : either.Second, random, index),
        TextMapRule map => Right(map, random),
        MappingRule mapping => Right(mapping, random, index),
        _ => throw new ArgumentException($"no value for {rule}", nameof(rule)),
    };

    private static JsonArray List(ListRule list, Random random, int count) =>
        new([.. Enumerable.Range(0, count).Select(index => Right(list.Item, random, index))]);

    private static JsonObject Right(MappingRule rule, Random random, int index = 0)
    {
        JsonObject mapping = [];
        foreach (FieldRule field in rule.Fields)
        {
            // The example of a family stands first, and an example of a gateway is of that family.
            int choice = field.Required is null ? random.Next(4) : 3;
            if (choice == 1)
            {
                mapping.Add(field.Name, null);
            }
            else if (choice > 1)
            {
                mapping.Add(field.Name, Right(field.Value, random, index));
            }
        }

        foreach (string name in rule.Ignored.Where(_ => random.Next(4) == 0))
        {
            mapping.Add(name, new JsonObject { ["any"] = 1 });
        }

        return mapping;
    }

    private static JsonObject Right(TextMapRule map, Random random)
    {
        JsonObject mapping = new() { ["example.com/any"] = map.Value.Examples[0] };
        foreach (FieldRule field in map.Known.Where(_ => random.Next(2) == 0))
        {
            mapping.Add(field.Name, Right(field.Value, random, 0));
        }

        return mapping;
    }

    // One fault in one of all places, each as often as the others.
    private static string Break(JsonObject root, MappingRule rule, Random random)
    {
        (JsonObject Mapping, FieldRule Field)[] places = [.. Places(root, rule)];
        (JsonObject mapping, FieldRule field) = places[random.Next(places.Length)];
        switch (random.Next(4))
        {
            case 0 when mapping["example.com/any"] is null:
                mapping.Add("noSuchField", "x");
                return $"a field that does not exist, beside {field.Name}";
            case 1 when field.Required is not null:
                mapping.Remove(field.Name);
                return $"{field.Name} is missing";
            default:
                mapping[field.Name] = Wrong(field.Value, random);
                return $"{field.Name}: {mapping[field.Name]!.ToJsonString()}";
        }
    }

    private static IEnumerable<(JsonObject Mapping, FieldRule Field)> Places(JsonObject mapping, MappingRule rule) =>
        rule.Fields.SelectMany(field => Below(mapping[field.Name], field.Value).Prepend((mapping, field)));

    private static IEnumerable<(JsonObject Mapping, FieldRule Field)> Below(JsonNode? value, ValueRule rule) => (value, rule) switch
    {
        (JsonObject below, MappingRule mapping) => Places(below, mapping),
        (JsonArray list, ListRule { Item: MappingRule item }) => list.SelectMany(entry => Places(entry!.AsObject(), item)),
        (JsonObject below, TextMapRule map) => map.Known.Append(new FieldRule("example.com/any", "", map.Value)).Select(field => (below, field)),
        _ => [],
    };

    private static JsonNode Wrong(ValueRule rule, Random random)
    {
        JsonNode[] candidates = rule switch
        {
            TextRule { Pattern: null } => [5, true, new JsonObject(), new JsonArray()],
            TextRule => [5, 1.5, false, new JsonObject(), new JsonArray("web"), "a b/c:d", "_x ?"],
            IntegerRule range => [range.Minimum - 1, range.Maximum + 1, 1.5, "80", true, new JsonArray()],
            BooleanRule => ["true", 1, new JsonObject()],
            WordRule word => ["nosuchword", word.Words[0] + "x", 5, true, new JsonArray(word.Words[0])],
            ListRule { MinimumCount: > 0 } => [new JsonArray(), 5, new JsonObject()],
            ListRule => [5, "web", new JsonObject()],
            EitherRule => [5, true, new JsonObject(), new JsonArray()],
            _ => [5, "web", new JsonArray()],
        };
        return candidates[random.Next(candidates.Length)];
    }
}
