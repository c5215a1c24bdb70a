using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using EgressAgent.Model.Addressing;

namespace EgressAgent.Model.Status;

/// <summary>What a destination sees of a flow, and its log has: where it came from.</summary>
/// <param name="Address">The reserved address.</param>
/// <param name="Port">0 for protocols without ports.</param>
/// <param name="Protocol">As records have it: <c>tcp</c>, <c>udp</c>, <c>sctp</c>, <c>icmp</c>, or the number of another protocol.</param>
public sealed record FlowSource(IPAddress Address, ushort Port, string Protocol)
{
    /// <summary>What is taken, for who wrote something else.</summary>
    public const string Form =
        "ADDRESS:PORT/PROTOCOL, such as 192.168.12.99:41022/tcp or [2001:db8::99]:41022/udp; the protocols are tcp, udp, sctp, icmp and numbers";

    private static readonly string[] WithPorts = ["tcp", "udp", "sctp"];

    /// <summary><c>192.168.12.99:41022/tcp</c>, <c>[2001:db8::99]:41022/udp</c></summary>
    public override string ToString() => $"{new IPEndPoint(Address, Port)}/{Protocol}";

    /// <summary>Reads what <see cref="ToString"/> writes, the protocol in any case.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out FlowSource? source)
    {
        int slash = text.LastIndexOf('/');
        int colon = slash < 0 ? -1 : text.LastIndexOf(':', slash);
        source = null;
        if (colon < 1 || !ushort.TryParse(text.AsSpan(colon + 1, slash - colon - 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
        {
            return false;
        }

        string host = text[..colon];
        bool isBracketed = host.StartsWith('[') && host.EndsWith(']');
        return host.Contains(':') == isBracketed && TryCreate(isBracketed ? host[1..^1] : host, port, text[(slash + 1)..], out source);
    }

    /// <summary>Takes the parts, the protocol in any case.</summary>
    public static bool TryCreate(string address, ushort port, string protocol, [NotNullWhen(true)] out FlowSource? source)
    {
        string? name = ReadProtocol(protocol.ToLowerInvariant());
        source = name is not null && (port > 0 || !WithPorts.Contains(name)) && IpAddresses.TryParseStrict(address, out IPAddress? parsed)
            ? new FlowSource(parsed, port, name)
            : null;
        return source is not null;
    }

    private static string? ReadProtocol(string text) => text switch
    {
        "tcp" or "6" => "tcp",
        "udp" or "17" => "udp",
        "sctp" or "132" => "sctp",
        "icmp" or "1" => "icmp",
        "icmpv6" => "58",
        _ => byte.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out byte number) && text == number.ToString(CultureInfo.InvariantCulture) ? text : null,
    };
}
