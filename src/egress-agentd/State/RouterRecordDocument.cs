using System.Collections.Immutable;
using System.Net;
using System.Net.NetworkInformation;
using System.Text;
using EgressAgent.Engine.Registry;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;
using LiteDB;

namespace EgressAgent.Daemon.State;

/// <summary>A <see cref="RouterRecord"/> as LiteDB keeps it.</summary>
internal static class RouterRecordDocument
{
    internal static BsonValue IdOf(RouterKey key) => ((ResourceKey)key).ToString();

    internal static BsonDocument Write(RouterRecord record) => new()
    {
        ["_id"] = IdOf(record.Key),
        ["namespace"] = record.Key.Namespace,
        ["name"] = record.Key.Name,
        ["file"] = record.LastGood.Source.File,
        ["line"] = record.LastGood.Source.Line,
        ["column"] = record.LastGood.Source.Column,
        ["labels"] = new BsonDocument(record.LastGood.Labels.ToDictionary(label => label.Key, label => new BsonValue(label.Value))),
        ["spec"] = Write(record.LastGood.Spec),
        ["generation"] = record.Generation,
        ["inside"] = Texts(record.Allocation.InsideAddresses),
        ["mac"] = record.Allocation.Mac.ToColonString(),
        ["removed"] = record.IsRemoved,
    };

    /// <summary>Null when the document is not of this shape.</summary>
    internal static RouterRecord? Read(BsonDocument document)
    {
        try
        {
            var key = new RouterKey(Text(document["namespace"]), Text(document["name"]));
            var source = new SourceLocation(Text(document["file"]), Number(document["line"]), Number(document["column"]));
            ImmutableSortedDictionary<string, string> labels = Document(document["labels"])
                .ToImmutableSortedDictionary(label => label.Key, label => Text(label.Value), StringComparer.Ordinal);
            var resource = new EgressRouterResource(key, source, labels, ReadSpec(Document(document["spec"])));
            return document["_id"] != IdOf(key) || resource.Spec.Addresses.Count == 0
                ? null
                : ReadRecord(document, resource) with { IsRemoved = document["removed"].AsBoolean };
        }
        catch (Exception exception) when (IsOfAnotherShape(exception))
        {
            return null;
        }
    }

    /// <summary>Reads a document of schema 1, which has the resource as the text of a router file.</summary>
    internal static RouterRecord? ReadText(BsonDocument document)
    {
        try
        {
            RouterFile parsed = RouterFileParser.Parse("", Encoding.UTF8.GetBytes(Text(document["document"])));
            return parsed.Documents is [{ Router: { } router }] && document["_id"] == router.Key.ToString()
                ? ReadRecord(document, router with { Source = new SourceLocation(Text(document["file"]), Number(document["line"]), 1) })
                : null;
        }
        catch (Exception exception) when (IsOfAnotherShape(exception))
        {
            return null;
        }
    }

    private static RouterRecord ReadRecord(BsonDocument document, EgressRouterResource resource) => new(
        resource,
        document["generation"] is { IsInt64: true } generation ? generation.AsInt64 : throw new FormatException("generation"),
        new RouterAllocation(Read(document["inside"], ReadInterfaceAddress), PhysicalAddress.Parse(Text(document["mac"]))));

    private static BsonDocument Write(EgressRouterSpec spec) => new()
    {
        ["macvlanMode"] = spec.MacvlanMode.ToString(),
        ["master"] = spec.Master,
        ["addresses"] = new BsonArray(spec.Addresses.Select(address => (BsonValue)new BsonArray(
            address.Address.ToString(), address.Gateway?.ToString()))),
        ["rules"] = new BsonArray(spec.Rules.Select(rule => (BsonValue)new BsonArray(
            rule.Protocol.ToString(), (int)rule.Port, rule.Destination.ToString(), (int)rule.TargetPort))),
        ["fallback"] = spec.FallbackIP?.ToString(),
        ["datapath"] = spec.Datapath?.ToString(),
        ["clients"] = spec.Clients is { } clients ? Texts(clients.Words) : BsonValue.Null,
        ["pinned"] = Texts(spec.PinnedInsideAddresses),
        ["mac"] = spec.MacAddress?.ToColonString(),
        ["flowLog"] = spec.FlowLog?.ToString(),
    };

    private static EgressRouterSpec ReadSpec(BsonDocument spec) => new()
    {
        MacvlanMode = Enum.Parse<MacvlanMode>(Text(spec["macvlanMode"])),
        Master = Optional(spec["master"], name => name),
        Addresses = Read(spec["addresses"], address => new AddressSpec(
            ReadInterfaceAddress(address[0]), Optional(address[1], IPAddress.Parse))),
        Rules = Read(spec["rules"], rule => new RedirectRuleSpec(
            Enum.Parse<TransportProtocol>(Text(rule[0])), (ushort)Number(rule[1]), IPAddress.Parse(Text(rule[2])), (ushort)Number(rule[3]))),
        FallbackIP = Optional(spec["fallback"], IPAddress.Parse),
        Datapath = OptionalChoice<DatapathKind>(spec["datapath"]),
        Clients = spec["clients"].IsNull ? null : ClientsSpec.OfWords(Read(spec["clients"], Text)),
        PinnedInsideAddresses = Read(spec["pinned"], address => IPAddress.Parse(Text(address))),
        MacAddress = Optional(spec["mac"], PhysicalAddress.Parse),
        FlowLog = OptionalChoice<FlowLogMode>(spec["flowLog"]),
    };

    private static bool IsOfAnotherShape(Exception exception) =>
        exception is FormatException or ArgumentException;

    private static InterfaceAddress ReadInterfaceAddress(BsonValue value) =>
        InterfaceAddress.TryParse(Text(value), out InterfaceAddress? address) ? address : throw new FormatException(Text(value));

    private static BsonArray Texts<T>(IEnumerable<T> values) => new(values.Select(value => new BsonValue(value?.ToString())));

    private static ValueList<T> Read<T>(BsonValue list, Func<BsonValue, T> read) =>
        list.IsArray ? list.AsArray.Select(read).ToValueList() : throw new FormatException($"{list} is no list");

    private static string Text(BsonValue value) => value.IsString ? value.AsString : throw new FormatException($"{value} is no text");

    private static int Number(BsonValue value) => value.IsInt32 ? value.AsInt32 : throw new FormatException($"{value} is no number");

    private static BsonDocument Document(BsonValue value) => value.IsDocument ? value.AsDocument : throw new FormatException($"{value} is no document");

    private static T? Optional<T>(BsonValue value, Func<string, T> read)
        where T : class => value.IsNull ? null : read(Text(value));

    private static T? OptionalChoice<T>(BsonValue value)
        where T : struct, Enum => value.IsNull ? null : Enum.Parse<T>(Text(value));
}
