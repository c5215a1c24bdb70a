using EgressAgent.Linux.Sockets;

namespace EgressAgent.Linux.Netlink.Conntrack;

/// <summary>
/// What the kernel says of a flow, as a value: of ten thousand of them no object is left behind. The names are those of
/// <see cref="ConntrackEntry"/>.
/// </summary>
public struct ConntrackFlow
{
    public ConntrackEnds Original { get; internal set; }

    public ConntrackEnds Reply { get; internal set; }

    public uint Id { get; internal set; }

    public ConntrackStatus Status { get; internal set; }

    public uint Mark { get; internal set; }

    public ushort Zone { get; internal set; }

    public ConntrackConnection? Connection { get; internal set; }

    public TimeSpan? Timeout { get; internal set; }

    public DateTimeOffset? Start { get; internal set; }

    public DateTimeOffset? Told { get; internal set; }

    public DateTimeOffset? Stop { get; internal set; }

    public ConntrackCounters? OriginalCounters { get; internal set; }

    public ConntrackCounters? ReplyCounters { get; internal set; }

    public readonly ConntrackEntry ToEntry() => new(Original.ToTuple(), Reply.ToTuple())
    {
        Id = Id,
        Status = Status,
        Mark = Mark,
        Zone = Zone,
        Connection = Connection,
        Start = Start,
        Stop = Stop,
        Told = Told,
        Timeout = Timeout,
        OriginalCounters = OriginalCounters,
        ReplyCounters = ReplyCounters,
    };
}

/// <summary>A <see cref="ConntrackTuple"/> as a value.</summary>
public struct ConntrackEnds
{
    private SocketEndpoint _source;
    private SocketEndpoint _destination;

    public byte Protocol { get; internal set; }

    /// <summary>The port is 0 for protocols without ports.</summary>
    public SocketEndpoint Source
    {
        readonly get => _source.WithPort(SourcePort ?? 0);
        internal set => _source = value;
    }

    /// <inheritdoc cref="Source"/>
    public SocketEndpoint Destination
    {
        readonly get => _destination.WithPort(DestinationPort ?? 0);
        internal set => _destination = value;
    }

    internal ushort? SourcePort { get; set; }

    internal ushort? DestinationPort { get; set; }

    internal ushort? IcmpId { get; set; }

    internal byte? IcmpType { get; set; }

    internal byte? IcmpCode { get; set; }

    internal readonly ConntrackTuple ToTuple() => new(Protocol, _source.Address, _destination.Address)
    {
        SourcePort = SourcePort,
        DestinationPort = DestinationPort,
        IcmpId = IcmpId,
        IcmpType = IcmpType,
        IcmpCode = IcmpCode,
    };
}

/// <summary>Takes in a flow, which is the caller's.</summary>
public delegate void ConntrackVisitor(in ConntrackFlow flow);
