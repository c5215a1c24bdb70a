using System.Net;
using System.Text.Json;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Redirect;

/// <summary>Reads what libnftables lists as JSON (libnftables-json(5)).</summary>
internal static class RulesetReader
{
    /// <summary>One element of a redirect map.</summary>
    /// <param name="Destination">Where it leads.</param>
    /// <param name="Connections">How many first packets it took.</param>
    internal readonly record struct Element(IPEndPoint Destination, ulong Connections);

    /// <summary>What a listing of the table has counted.</summary>
    /// <param name="Table">The number of the table in its namespace: one that is made anew has another.</param>
    /// <param name="Elements">As <see cref="ReadElements(string)"/> reads them.</param>
    /// <param name="Counters">The packets of named counters.</param>
    internal sealed record Counts(ulong Table, IReadOnlyDictionary<RedirectKey, Element> Elements, IReadOnlyDictionary<string, ulong> Counters);

    /// <summary>
    /// The elements of all redirect maps in a listing of the table. Elements that are not of the agent's making, such as a port
    /// range, are left out, and so are seen as a difference.
    /// </summary>
    internal static Dictionary<RedirectKey, Element> ReadElements(string json)
    {
        using var document = JsonDocument.Parse(json);
        return ReadElements(document);
    }

    /// <summary>What was counted, by a listing of the table.</summary>
    internal static Counts ReadCounts(string json)
    {
        using var document = JsonDocument.Parse(json);
        ulong table = 0;
        Dictionary<string, ulong> counters = [];
        foreach (JsonElement item in document.RootElement.GetProperty("nftables").EnumerateArray())
        {
            if (item.TryGetProperty("table", out JsonElement listed))
            {
                table = listed.GetProperty("handle").GetUInt64();
            }
            else if (item.TryGetProperty("counter", out JsonElement counter))
            {
                counters[counter.GetProperty("name").GetString()!] = counter.GetProperty("packets").GetUInt64();
            }
        }

        return new Counts(table, ReadElements(document), counters);
    }

    private static Dictionary<RedirectKey, Element> ReadElements(JsonDocument document)
    {
        Dictionary<RedirectKey, Element> result = [];
        foreach (JsonElement item in document.RootElement.GetProperty("nftables").EnumerateArray())
        {
            if (!item.TryGetProperty("map", out JsonElement map)
                || map.GetProperty("name").GetString() is not { } name || !(name.StartsWith("redirects_", StringComparison.Ordinal) || name.StartsWith("external_", StringComparison.Ordinal))
                || !map.TryGetProperty("elem", out JsonElement elements))
            {
                continue;
            }

            foreach (JsonElement pair in elements.EnumerateArray())
            {
                if (TryReadKey(pair[0], out RedirectKey key, out ulong connections) && TryReadDestination(pair[1]) is { } destination)
                {
                    result[key] = new Element(destination, connections);
                }
            }
        }

        return result;
    }

    /// <summary>The names of all objects and chains of a listing, each with its kind: <c>chain:guard</c>.</summary>
    internal static HashSet<string> ReadObjectNames(string json)
    {
        HashSet<string> names = [];
        using var document = JsonDocument.Parse(json);
        foreach (JsonElement item in document.RootElement.GetProperty("nftables").EnumerateArray())
        {
            foreach (JsonProperty kind in item.EnumerateObject())
            {
                if (kind.Name is not ("rule" or "table") && kind.Value.TryGetProperty("name", out JsonElement name))
                {
                    names.Add($"{kind.Name}:{name.GetString()}");
                }
            }
        }

        return names;
    }

    private static bool TryReadKey(JsonElement key, out RedirectKey read, out ulong connections)
    {
        connections = 0;
        if (key.TryGetProperty("elem", out JsonElement element))
        {
            key = element.GetProperty("val");
            if (element.TryGetProperty("counter", out JsonElement counter) && counter.ValueKind == JsonValueKind.Object)
            {
                connections = counter.GetProperty("packets").GetUInt64();
            }
        }

        read = default;
        if (!key.TryGetProperty("concat", out JsonElement parts))
        {
            return false;
        }

        IPAddress? external = null;
        int first = parts.GetArrayLength() - 2;
        if ((first == 1 && !IPAddress.TryParse(parts[0].ToString(), out external))
            || !TryReadProtocol(parts[first], out TransportProtocol protocol)
            || parts[first + 1].ValueKind != JsonValueKind.Number
            || !parts[first + 1].TryGetUInt16(out ushort port))
        {
            return false;
        }

        read = new RedirectKey(external, protocol, port);
        return true;
    }

    // nft prints the name where /etc/protocols is there, else the number.
    private static bool TryReadProtocol(JsonElement value, out TransportProtocol protocol)
    {
        (bool known, protocol) = value.ToString() switch
        {
            "tcp" or "6" => (true, TransportProtocol.TCP),
            "udp" or "17" => (true, TransportProtocol.UDP),
            "sctp" or "132" => (true, TransportProtocol.SCTP),
            _ => (false, default),
        };
        return known;
    }

    private static IPEndPoint? TryReadDestination(JsonElement value) =>
        value.TryGetProperty("concat", out JsonElement parts)
        && IPAddress.TryParse(parts[0].ToString(), out IPAddress? address)
        && parts[1].ValueKind == JsonValueKind.Number
        && parts[1].TryGetUInt16(out ushort port)
            ? new IPEndPoint(address, port)
            : null;
}
