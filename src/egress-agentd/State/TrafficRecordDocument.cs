using EgressAgent.Engine.Traffic;
using EgressAgent.Model;
using LiteDB;
using static EgressAgent.Daemon.State.BsonShape;

namespace EgressAgent.Daemon.State;

/// <summary>A <see cref="TrafficRecord"/> as LiteDB keeps it.</summary>
internal static class TrafficRecordDocument
{
    internal static BsonDocument Write(TrafficRecord record) => new()
    {
        ["_id"] = IdOf(record.Key),
        ["namespace"] = record.Key.Namespace,
        ["name"] = record.Key.Name,
        ["counts"] = record.Counts,
    };

    /// <summary>Null when the document is not of this shape.</summary>
    internal static TrafficRecord? Read(BsonDocument document)
    {
        try
        {
            return document["counts"] is { IsBinary: true } counts
                ? new TrafficRecord(new RouterKey(Text(document["namespace"]), Text(document["name"])), counts.AsBinary)
                : null;
        }
        catch (Exception exception) when (IsOfAnotherShape(exception))
        {
            return null;
        }
    }
}
