using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace EgressAgent.Engine.Cluster;

/// <summary>What is known of a member: the value of <c>nodes/NODE</c> and, with its lease, of <c>alive/NODE</c>.</summary>
/// <param name="Id">The machine and the agent's state directory: two nodes of one name are told apart by it.</param>
/// <param name="Priority">Of several nodes that can take a router, the one with the highest does.</param>
/// <param name="Heartbeat">Where it hears the others, <c>ADDRESS:PORT</c>; null where it does not.</param>
internal sealed record NodeRecord(string Id, int Priority, string? Heartbeat = null);

/// <summary>Who holds a router.</summary>
/// <param name="Node">The node.</param>
/// <param name="Id">Its <see cref="NodeRecord.Id"/>.</param>
/// <param name="Priority">Its <see cref="NodeRecord.Priority"/>.</param>
internal sealed record ClaimRecord(string Node, string Id, int Priority);

/// <summary>Who held a router last.</summary>
/// <param name="Node">The node.</param>
/// <param name="IsOver">Whether it was silent before it gave its claim up.</param>
internal sealed record TurnRecord(string Node, bool IsOver);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(NodeRecord))]
[JsonSerializable(typeof(ClaimRecord))]
[JsonSerializable(typeof(TurnRecord))]
internal sealed partial class ClusterJson : JsonSerializerContext
{
    /// <summary>Null for what is no such record: somebody else's, or a later version's.</summary>
    internal static NodeRecord? Node(string text) => Read(text, Default.NodeRecord);

    /// <inheritdoc cref="Node"/>
    internal static ClaimRecord? Claim(string text) => Read(text, Default.ClaimRecord);

    /// <inheritdoc cref="Node"/>
    internal static TurnRecord? Turn(string text) => Read(text, Default.TurnRecord);

    private static T? Read<T>(string text, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(text, type);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
