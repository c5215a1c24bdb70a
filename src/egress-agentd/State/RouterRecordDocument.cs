using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Text;
using EgressAgent.Engine.Registry;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using EgressAgent.Model.Validation;
using LiteDB;
using static EgressAgent.Daemon.State.BsonShape;

namespace EgressAgent.Daemon.State;

/// <summary>A <see cref="RouterRecord"/> as LiteDB keeps it.</summary>
internal static class RouterRecordDocument
{
    internal static BsonDocument Write(RouterRecord record) => new()
    {
        ["_id"] = IdOf(record.Id),
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
        ["history"] = new BsonArray(record.History.Select(Write)),
        ["footing"] = record.Footing is { } footing ? Write(footing) : BsonValue.Null,
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
                : ReadRecord(document, resource) with
                {
                    IsRemoved = document["removed"].AsBoolean,
                    History = ReadHistory(document["history"]),
                    Footing = document["footing"].IsNull ? null : ReadFooting(Document(document["footing"])),
                };
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
        LongNumber(document["generation"]),
        new RouterAllocation(Items(document["inside"], ReadInterfaceAddress), PhysicalAddress.Parse(Text(document["mac"]))));

    private static BsonDocument Write(EgressRouterSpec spec) => new()
    {
        ["macvlanMode"] = spec.MacvlanMode.ToString(),
        ["master"] = spec.Master,
        ["addresses"] = new BsonArray(spec.Addresses.Select(address => (BsonValue)new BsonArray(
            address.Address.ToString(), address.Gateway?.ToString()))),
        ["rules"] = string.Join('\n', spec.Rules.Select(rule => $"{rule.Protocol} {rule.Port} {rule.Destination} {rule.TargetPort}")),
        ["fallback"] = spec.FallbackIP?.ToString(),
        ["datapath"] = spec.Datapath?.ToString(),
        ["clients"] = spec.Clients is { } clients ? Texts(clients.Words) : BsonValue.Null,
        ["pinned"] = Texts(spec.PinnedInsideAddresses),
        ["mac"] = spec.MacAddress?.ToColonString(),
        ["failover"] = spec.Failover.ToString(),
        ["flowLog"] = spec.FlowLog?.ToString(),
        ["flowOffload"] = spec.FlowOffload?.ToString(),
        ["localProcesses"] = spec.LocalProcesses.ToString(),
        ["passthruTakesTheNode"] = spec.PassthruTakesTheNode,
    };

    private static EgressRouterSpec ReadSpec(BsonDocument spec) => new()
    {
        MacvlanMode = Enum.Parse<MacvlanMode>(Text(spec["macvlanMode"])),
        Master = Optional(spec["master"], name => name),
        Addresses = Items(spec["addresses"], address => new AddressSpec(
            ReadInterfaceAddress(address[0]), Optional(address[1], IPAddress.Parse))),
        Rules = ReadRules(spec["rules"]),
        FallbackIP = Optional(spec["fallback"], IPAddress.Parse),
        Datapath = OptionalChoice<DatapathKind>(spec["datapath"]),
        Clients = spec["clients"].IsNull ? null : ClientsSpec.OfWords(Items(spec["clients"], Text)),
        PinnedInsideAddresses = Items(spec["pinned"], address => IPAddress.Parse(Text(address))),
        MacAddress = Optional(spec["mac"], PhysicalAddress.Parse),
        FlowLog = OptionalChoice<FlowLogMode>(spec["flowLog"]),

        // Records of earlier builds have none of these.
        Failover = OptionalChoice<FailoverMode>(spec["failover"]) ?? FailoverMode.None,
        FlowOffload = OptionalChoice<FlowOffloadMode>(spec["flowOffload"]),
        LocalProcesses = OptionalChoice<LocalProcesses>(spec["localProcesses"]) ?? LocalProcesses.Allow,
        PassthruTakesTheNode = spec["passthruTakesTheNode"] is { IsBoolean: true, AsBoolean: true },
    };

    // A line each: a router may have thousands, and is written whenever something happens to it. Schema 3 has a list of lists.
    private static ValueList<RedirectRuleSpec> ReadRules(BsonValue rules) => rules.IsArray
        ? Items(rules, rule => ReadRule([Text(rule[0]), $"{Number(rule[1])}", Text(rule[2]), $"{Number(rule[3])}"]))
        : [.. Text(rules).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => ReadRule(line.Split(' ')))];

    private static RedirectRuleSpec ReadRule(string[] words) =>
        words is [var protocol, var port, var destination, var targetPort]
        && ushort.TryParse(port, CultureInfo.InvariantCulture, out ushort taken)
        && ushort.TryParse(targetPort, CultureInfo.InvariantCulture, out ushort target)
            ? new RedirectRuleSpec(Enum.Parse<TransportProtocol>(protocol), taken, IPAddress.Parse(destination), target)
            : throw new FormatException($"{string.Join(' ', words)} is no rule");

    private static BsonValue Write(RouterEvent happened) => new BsonArray(
        happened.Time.ToUnixTimeMilliseconds(), happened.Generation, happened.State.ToString(), happened.Reason, happened.Message);

    // What was written before there was one has none.
    private static ValueList<RouterEvent> ReadHistory(BsonValue history) => history.IsNull
        ? []
        : Items(history, happened => new RouterEvent(
        DateTimeOffset.FromUnixTimeMilliseconds(LongNumber(happened[0])),
        LongNumber(happened[1]),
        Enum.Parse<RouterState>(Text(happened[2])),
        Text(happened[3]),
        Text(happened[4])));

    private static BsonDocument Write(RouterFooting footing) => new()
    {
        ["master"] = footing.Master,
        ["choice"] = footing.Choice.ToString(),
        ["network"] = footing.Network.ToString(),
        ["gateways"] = new BsonArray(footing.Gateways.Select(gateway => (BsonValue)new BsonArray(
            gateway.Network.ToString(), gateway.Gateway.ToString(), gateway.IsInferred))),
    };

    private static RouterFooting ReadFooting(BsonDocument footing) => new(
        Text(footing["master"]),
        Enum.Parse<MasterChoice>(Text(footing["choice"])),
        IPNetwork.Parse(Text(footing["network"])),
        Items(footing["gateways"], gateway => new FootingGateway(
            IPNetwork.Parse(Text(gateway[0])), IPAddress.Parse(Text(gateway[1])), gateway[2].AsBoolean)));
}
