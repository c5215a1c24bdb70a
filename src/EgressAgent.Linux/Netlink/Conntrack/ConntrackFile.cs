using System.Globalization;
using System.Net;
using System.Text;
using EgressAgent.Linux.Namespaces;

namespace EgressAgent.Linux.Netlink.Conntrack;

/// <summary>
/// The flows of one namespace as <c>/proc/net/nf_conntrack</c> lists them. Both it and ctnetlink walk the table that all namespaces
/// share, but ctnetlink takes a lock for each of its hundreds of thousands of places, which costs some ten milliseconds, fifty times
/// as much. Not all that there is to know of a flow is in it: <see cref="ConntrackTable.Find(ConntrackTuple)"/> tells the rest.
/// </summary>
public static class ConntrackFile
{
    private const int MaxLength = 1 << 20;

    /// <summary>
    /// What the first packets of the flows looked like, a thousand at most. One that comes or goes meanwhile may be missed. Null from a kernel
    /// without such a file (CONFIG_NF_CONNTRACK_PROCFS), for more flows, and where it says what this version does not know.
    /// </summary>
    /// <exception cref="LinuxException">The namespace cannot be entered, or the kernel refused.</exception>
    public static IReadOnlyList<ConntrackTuple>? TryRead(NetworkNamespace netns) =>
        NetnsFile.TryRead(netns, "nf_conntrack", MaxLength) is { } content ? Parse(Encoding.ASCII.GetString(content.Span)) : null;

    /// <summary>The same of such a text.</summary>
    internal static IReadOnlyList<ConntrackTuple>? Parse(string text)
    {
        List<ConntrackTuple> tuples = [];
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (ParseLine(line) is not { } tuple)
            {
                return null;
            }

            tuples.Add(tuple);
        }

        return tuples;
    }

    // ipv4     2 tcp      6 117 TIME_WAIT src=10.88.0.2 dst=198.18.0.2 sport=41022 dport=8080 packets=5 bytes=300 src=…
    private static ConntrackTuple? ParseLine(string line)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        int first = Array.FindIndex(words, word => word.StartsWith("src=", StringComparison.Ordinal));
        if (first < 4
            || words.Length < first + 2
            || !byte.TryParse(words[3], NumberStyles.None, CultureInfo.InvariantCulture, out byte protocol)
            || !IPAddress.TryParse(words[first].AsSpan(4), out IPAddress? source)
            || !words[first + 1].StartsWith("dst=", StringComparison.Ordinal)
            || !IPAddress.TryParse(words[first + 1].AsSpan(4), out IPAddress? destination)
            || words.Any(word => word.StartsWith("zone", StringComparison.Ordinal) && word != "zone=0"))
        {
            return null;
        }

        var tuple = new ConntrackTuple(protocol, source, destination);
        foreach (string word in words.Skip(first + 2).TakeWhile(word => !word.StartsWith("src=", StringComparison.Ordinal)))
        {
            (string name, string value) = word.Split('=') is [var left, var right] ? (left, right) : (word, "");
            bool isHexadecimal = value.StartsWith("0x", StringComparison.Ordinal);
            if (!ushort.TryParse(
                isHexadecimal ? value.AsSpan(2) : value, isHexadecimal ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out ushort number))
            {
                continue;
            }

            tuple = name switch
            {
                "sport" or "srckey" => tuple with { SourcePort = number },
                "dport" or "dstkey" => tuple with { DestinationPort = number },
                "type" => tuple with { IcmpType = (byte)number },
                "code" => tuple with { IcmpCode = (byte)number },
                "id" => tuple with { IcmpId = number },
                _ => tuple,
            };
        }

        return tuple;
    }
}
