using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Redirecting;

/// <summary>The first packet that a client sends to a router's inside address.</summary>
/// <param name="Client">As the router sees it; null for the node itself, and for whom it masquerades.</param>
/// <param name="Transport">Null for ICMP.</param>
/// <param name="Port">0 for ICMP.</param>
public sealed record ClientPacket(IPAddress? Client, TransportProtocol? Transport, ushort Port)
{
    public static ClientPacket Icmp(IPAddress? client) => new(client, null, 0);

    /// <summary><c>8080/TCP</c>, <c>ICMP</c></summary>
    public override string ToString() =>
        Transport is null ? "ICMP" : string.Create(CultureInfo.InvariantCulture, $"{Port}/{Transport}");

    /// <summary>Reads <c>tcp/8080</c>, <c>8080/tcp</c> or <c>icmp</c>.</summary>
    public static bool TryParse(string text, IPAddress? client, [NotNullWhen(true)] out ClientPacket? packet)
    {
        string[] words = text.Split('/');
        if (words is [var word] && word.Equals("icmp", StringComparison.OrdinalIgnoreCase))
        {
            packet = Icmp(client);
            return true;
        }

        packet = words is not [var one, var other] ? null : Read(one, other, client) ?? Read(other, one, client);
        return packet is not null;
    }

    private static ClientPacket? Read(string protocol, string port, IPAddress? client) =>
        RouterChoices.Protocols.Find(protocol.ToUpperInvariant()) is { } transport
        && ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out ushort number) && number > 0
            ? new ClientPacket(client, transport, number)
            : null;
}
