using System.Net.NetworkInformation;
using System.Text;
using EgressAgent.Engine.State;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;
using EgressAgent.Model.Yaml;
using LiteDB;

namespace EgressAgent.Daemon.State;

/// <summary>
/// A <see cref="RouterRecord"/> as LiteDB keeps it. The spec is kept as the YAML that a person would write, and read back by the
/// same parser as the files: there is one format to keep compatible, and nothing invalid comes back.
/// </summary>
internal static class RouterRecordDocument
{
    internal static BsonDocument Write(RouterRecord record) => new()
    {
        ["_id"] = record.Key.ToString(),
        ["file"] = record.LastGood.Source.File,
        ["line"] = record.LastGood.Source.Line,
        ["document"] = EgressRouterWriter.Write(record.LastGood),
        ["generation"] = record.Generation,
        ["inside"] = new BsonArray(record.Allocation.InsideAddresses.Select(address => new BsonValue(address.ToString()))),
        ["mac"] = record.Allocation.Mac.ToColonString(),
    };

    /// <summary>Null when the document is not of this shape, or its spec is no longer valid or another router's.</summary>
    internal static RouterRecord? Read(BsonDocument document)
    {
        if (!document["document"].IsString || !document["generation"].IsInt64 || !document["inside"].IsArray
            || !document["mac"].IsString || !PhysicalAddress.TryParse(document["mac"].AsString, out PhysicalAddress? mac)
            || ReadResource(document) is not { } resource || document["_id"] != resource.Key.ToString())
        {
            return null;
        }

        List<InterfaceAddress> inside = [];
        foreach (BsonValue value in document["inside"].AsArray)
        {
            if (!value.IsString || !InterfaceAddress.TryParse(value.AsString, out InterfaceAddress? address))
            {
                return null;
            }

            inside.Add(address);
        }

        return new RouterRecord(resource, document["generation"].AsInt64, new RouterAllocation(inside.ToValueList(), mac));
    }

    private static EgressRouterResource? ReadResource(BsonDocument document)
    {
        string file = document["file"].IsString ? document["file"].AsString : "";
        int line = document["line"].IsInt32 ? document["line"].AsInt32 : 0;
        RouterFile parsed = RouterFileParser.Parse(file, Encoding.UTF8.GetBytes(document["document"].AsString));
        return parsed.Documents is [{ Router: { } router }] ? router with { Source = new SourceLocation(file, line, 1) } : null;
    }
}
