using System.Globalization;
using System.Net;

namespace EgressAgent.Testing.Journal;

/// <summary>The record of a flow as egress-agentd(8) has its fields.</summary>
public sealed record FlowEntry
{
    public string Event { get; init; } = "end";

    public string Router { get; init; } = "default/web";

    public string Rule { get; init; } = "8080/TCP";

    public string Protocol { get; init; } = "tcp";

    public IPEndPoint Client { get; init; } = IPEndPoint.Parse("198.18.0.1:41022");

    public IPEndPoint Source { get; init; } = IPEndPoint.Parse("192.168.12.99:41022");

    /// <summary>Null where records leave it out.</summary>
    public IPEndPoint? Destination { get; init; } = IPEndPoint.Parse("203.0.113.26:80");

    /// <summary>Null where records do not know it.</summary>
    public DateTimeOffset? Start { get; init; }

    public DateTimeOffset End { get; init; }

    public string? Unit { get; init; }

    public string? Container { get; init; }

    public IPEndPoint? Masqueraded { get; init; }

    /// <summary>In systemd's native protocol: a field a line.</summary>
    public string Text => string.Concat(((string?[])
    [
        $"MESSAGE={Router}: {Protocol} {Client} as {Source}",
        "SYSLOG_IDENTIFIER=egress-agentd",
        $"EGRESS_EVENT={Event}",
        $"EGRESS_ROUTER={Router}",
        $"EGRESS_RULE={Rule}",
        $"EGRESS_PROTOCOL={Protocol}",
        $"EGRESS_CLIENT_ADDRESS={Client.Address}",
        Port("CLIENT", Client),
        "EGRESS_INSIDE_PORT=8080",
        $"EGRESS_SOURCE_ADDRESS={Source.Address}",
        Port("SOURCE", Source),
        Destination is null ? null : $"EGRESS_DESTINATION_ADDRESS={Destination.Address}",
        Port("DESTINATION", Destination),
        Start is { } start ? $"EGRESS_START={Microseconds(start)}" : null,
        Event == "end" ? $"EGRESS_END={Microseconds(End)}" : null,
        Event == "end" ? "EGRESS_BYTES_TO=1234" : null,
        Event == "end" ? "EGRESS_BYTES_FROM=3400000" : null,
        Unit is null ? null : $"EGRESS_UNIT={Unit}",
        Container is null ? null : $"EGRESS_CONTAINER={Container}",
        Masqueraded is null ? null : $"EGRESS_MASQUERADED_ADDRESS={Masqueraded.Address}",
        Port("MASQUERADED", Masqueraded),
    ]).OfType<string>().Select(line => line + "\n"));

    // Of protocols without ports there is none.
    private static string? Port(string whose, IPEndPoint? endpoint) => endpoint is { Port: > 0 and var port } ? $"EGRESS_{whose}_PORT={port}" : null;

    private static string Microseconds(DateTimeOffset time) =>
        ((time - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond).ToString(CultureInfo.InvariantCulture);
}
