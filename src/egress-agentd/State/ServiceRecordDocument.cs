using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Registry;
using EgressAgent.Model;
using EgressAgent.Model.Resources;
using LiteDB;
using static EgressAgent.Daemon.State.BsonShape;

namespace EgressAgent.Daemon.State;

/// <summary>A <see cref="ServiceRecord"/> as LiteDB keeps it.</summary>
internal static class ServiceRecordDocument
{
    internal static BsonDocument Write(ServiceRecord record) => new()
    {
        ["_id"] = IdOf(record.Id),
        ["namespace"] = record.Id.Namespace,
        ["name"] = record.Id.Name,
        ["file"] = record.LastGood.Source.File,
        ["line"] = record.LastGood.Source.Line,
        ["column"] = record.LastGood.Source.Column,
        ["spec"] = Write(record.LastGood.Spec),
        ["generation"] = record.Generation,
        ["addresses"] = Texts(record.ClusterAddresses),
    };

    /// <summary>Null when the document is not of this shape.</summary>
    internal static ServiceRecord? Read(BsonDocument document)
    {
        try
        {
            var key = new ResourceKey(ResourceKind.Service, Text(document["namespace"]), Text(document["name"]));
            var source = new SourceLocation(Text(document["file"]), Number(document["line"]), Number(document["column"]));
            return document["_id"] != IdOf(key) ? null : new ServiceRecord(
                new ServiceResource(key, source, ReadSpec(Document(document["spec"]))),
                LongNumber(document["generation"]),
                Items(document["addresses"], ReadInterfaceAddress));
        }
        catch (Exception exception) when (IsOfAnotherShape(exception))
        {
            return null;
        }
    }

    private static BsonDocument Write(ServiceSpec spec) => new()
    {
        ["selector"] = new BsonDocument(spec.Selector.ToDictionary(label => label.Key, label => new BsonValue(label.Value))),
        ["ports"] = new BsonArray(spec.Ports.Select(port => (BsonValue)new BsonArray(
            port.Name, port.Protocol.ToString(), (int)port.Port, (int)port.TargetPort))),
        ["headless"] = spec.IsHeadless,
        ["pinned"] = Texts(spec.PinnedAddresses),
        ["families"] = Texts(spec.Families),
        ["familyPolicy"] = spec.FamilyPolicy.ToString(),
        ["external"] = Texts(spec.ExternalAddresses),
        ["affinity"] = spec.ClientAffinity is { } affinity ? (int)affinity.TotalSeconds : BsonValue.Null,
        ["hostnames"] = Texts(spec.HostNames),
    };

    private static ServiceSpec ReadSpec(BsonDocument spec) => new()
    {
        Selector = Document(spec["selector"]).ToImmutableSortedDictionary(label => label.Key, label => Text(label.Value), StringComparer.Ordinal),
        Ports = Items(spec["ports"], port => new ServicePortSpec(
            Text(port[0]), Enum.Parse<TransportProtocol>(Text(port[1])), (ushort)Number(port[2]), (ushort)Number(port[3]))),
        IsHeadless = spec["headless"].AsBoolean,
        PinnedAddresses = Items(spec["pinned"], address => IPAddress.Parse(Text(address))),
        Families = Items(spec["families"], family => Enum.Parse<AddressFamily>(Text(family))),
        FamilyPolicy = Enum.Parse<FamilyPolicy>(Text(spec["familyPolicy"])),
        ExternalAddresses = Items(spec["external"], address => IPAddress.Parse(Text(address))),
        ClientAffinity = spec["affinity"].IsNull ? null : TimeSpan.FromSeconds(Number(spec["affinity"])),
        HostNames = Items(spec["hostnames"], Text),
    };
}
