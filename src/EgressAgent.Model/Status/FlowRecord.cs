using System.Net;

namespace EgressAgent.Model.Status;

/// <summary>
/// Who was behind a reserved address, and when: the record of one flow (RFC 6888 section 4), as it goes to the journal. Immutable.
/// </summary>
/// <param name="Event">What of the flow it tells.</param>
/// <param name="Router">Through which it went.</param>
/// <param name="Rule">What took it, as <c>8080/TCP</c>, <see cref="Fallback"/> or <see cref="Local"/>.</param>
/// <param name="Protocol">The IP protocol number.</param>
/// <param name="Client">Who began it.</param>
/// <param name="Source">What the destination saw; port 0 for protocols without ports.</param>
/// <param name="Destination">Where it went; port 0 for protocols without ports.</param>
public sealed record FlowRecord(
    FlowEvent Event, RouterKey Router, string Rule, byte Protocol, IPEndPoint Client, IPEndPoint Source, IPEndPoint Destination)
{
    // The names of the fields in the journal, and what EventField has.
    public const string EventField = "EGRESS_EVENT";
    public const string StartEvent = "start";
    public const string EndEvent = "end";
    public const string RouterField = "EGRESS_ROUTER";
    public const string RuleField = "EGRESS_RULE";
    public const string ProtocolField = "EGRESS_PROTOCOL";
    public const string SourceAddressField = "EGRESS_SOURCE_ADDRESS";
    public const string SourcePortField = "EGRESS_SOURCE_PORT";
    public const string ClientAddressField = "EGRESS_CLIENT_ADDRESS";
    public const string ClientPortField = "EGRESS_CLIENT_PORT";
    public const string DestinationAddressField = "EGRESS_DESTINATION_ADDRESS";
    public const string DestinationPortField = "EGRESS_DESTINATION_PORT";
    public const string StartField = "EGRESS_START";
    public const string EndField = "EGRESS_END";
    public const string BytesToField = "EGRESS_BYTES_TO";
    public const string BytesFromField = "EGRESS_BYTES_FROM";
    public const string UnitField = "EGRESS_UNIT";
    public const string ContainerField = "EGRESS_CONTAINER";
    public const string MasqueradedAddressField = "EGRESS_MASQUERADED_ADDRESS";
    public const string MasqueradedPortField = "EGRESS_MASQUERADED_PORT";

    /// <summary>The rule of what the router's fallback took.</summary>
    public const string Fallback = "fallback";

    /// <summary>The rule of what a process in the router's network namespace began.</summary>
    public const string Local = "local";

    /// <summary>The port that the client dialled; null for protocols without ports, and for a process of the router's own.</summary>
    public ushort? InsidePort { get; init; }

    /// <summary>Null where it is not known.</summary>
    public DateTimeOffset? Start { get; init; }

    /// <summary>As <see cref="Start"/>; null at the start.</summary>
    public DateTimeOffset? End { get; init; }

    /// <summary>Bytes from the client: with IP headers in the kernel datapath, payload alone in the relay. Nothing at the start.</summary>
    public ulong BytesTo { get; init; }

    /// <summary>Bytes to the client, likewise.</summary>
    public ulong BytesFrom { get; init; }

    /// <summary>The systemd unit of a client on the node; null where there is none, or it cannot be told.</summary>
    public string? Unit { get; init; }

    /// <summary>The container that the client is in, likewise.</summary>
    public string? Container { get; init; }

    /// <summary>Who began it, where the node translates that address into its own, which is <see cref="Client"/>; null where it does not.</summary>
    public IPEndPoint? Masqueraded { get; init; }

    private bool HasPorts => Protocol is 6 or 17 or 33 or 132 or 136;

    /// <summary>The fields of the journal entry.</summary>
    /// <param name="tellsDestinations">Whether to say where it went (RFC 6888, REQ-12).</param>
    public IEnumerable<(string Name, string Value)> Fields(bool tellsDestinations)
    {
        yield return (EventField, Event == FlowEvent.Start ? StartEvent : EndEvent);
        yield return (RouterField, Router.ToString());
        yield return (RuleField, Rule);
        yield return (ProtocolField, ProtocolName);
        yield return (ClientAddressField, Client.Address.ToString());
        if (HasPorts)
        {
            yield return (ClientPortField, Client.Port.ToString());
        }

        if (Masqueraded is { } masqueraded)
        {
            yield return (MasqueradedAddressField, masqueraded.Address.ToString());
            yield return (MasqueradedPortField, masqueraded.Port.ToString());
        }

        if (Unit is { } unit)
        {
            yield return (UnitField, unit);
        }

        if (Container is { } container)
        {
            yield return (ContainerField, container);
        }

        if (HasPorts && InsidePort is { } inside)
        {
            yield return ("EGRESS_INSIDE_PORT", inside.ToString());
        }

        yield return (SourceAddressField, Source.Address.ToString());
        if (HasPorts)
        {
            yield return (SourcePortField, Source.Port.ToString());
        }

        if (tellsDestinations)
        {
            yield return (DestinationAddressField, Destination.Address.ToString());
            if (HasPorts)
            {
                yield return (DestinationPortField, Destination.Port.ToString());
            }
        }

        if (Start is { } start)
        {
            yield return (StartField, Text(start));
        }

        if (Event == FlowEvent.End)
        {
            yield return (EndField, End is { } end ? Text(end) : "");
            yield return (BytesToField, BytesTo.ToString());
            yield return (BytesFromField, BytesFrom.ToString());
        }
    }

    /// <summary>For people: <c>default/web: tcp from 198.18.0.1:40000 (backup.service) as 192.168.12.99:41022 to 203.0.113.26:80</c>.</summary>
    /// <param name="tellsDestinations">As in <see cref="Fields"/>.</param>
    public string Describe(bool tellsDestinations)
    {
        string begun = Event == FlowEvent.Start ? " begun" : $", {BytesTo} bytes to and {BytesFrom} bytes from";
        return $"{Router}: {ProtocolName} from {Text(Client)}{DescribeWho()} as {Text(Source)}{(tellsDestinations ? $" to {Text(Destination)}" : "")}{begun}";
    }

    private string DescribeWho()
    {
        string who = string.Join(", ", new[] { Container, Unit, Masqueraded?.ToString() }.OfType<string>());
        return who.Length == 0 ? "" : $" ({who})";
    }

    private string ProtocolName => Protocol switch
    {
        1 => "icmp",
        6 => "tcp",
        17 => "udp",
        132 => "sctp",
        _ => Protocol.ToString(),
    };

    private static string Text(DateTimeOffset time) => UnixTime.MicrosecondsOf(time).ToString();

    private string Text(IPEndPoint endpoint) => HasPorts ? endpoint.ToString() : endpoint.Address.ToString();
}

/// <summary>What of a flow is recorded.</summary>
public enum FlowEvent
{
    Start,
    End,
}
