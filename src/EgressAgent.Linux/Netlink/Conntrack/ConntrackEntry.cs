namespace EgressAgent.Linux.Netlink.Conntrack;

/// <summary>An entry of the connection tracking table (conntrack(8)).</summary>
/// <param name="Original">The direction of the first packet, before any translation.</param>
/// <param name="Reply">The direction of the answer, as it arrives: after translation its source is where the flow really went.</param>
public sealed record ConntrackEntry(ConntrackTuple Original, ConntrackTuple Reply)
{
    /// <summary>
    /// Tells a flow from a later one of the same tuples, mostly: the kernel makes it of the tuple and of the entry's place in
    /// memory, which a later flow may come to occupy.
    /// </summary>
    public uint Id { get; init; }

    public ConntrackStatus Status { get; init; }

    public uint Mark { get; init; }

    /// <summary>The conntrack zone; 0 unless rules choose another.</summary>
    public ushort Zone { get; init; }

    /// <summary>Null for protocols without connections, and where it is not told.</summary>
    public ConntrackConnection? Connection { get; init; }

    /// <summary>When the flow is forgotten if no packet comes; null while it is offloaded or ending.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>
    /// When the first packet came, by the kernel's clock. Null where <c>net.netfilter.nf_conntrack_timestamp</c>
    /// was off by then.
    /// </summary>
    public DateTimeOffset? Start { get; init; }

    /// <summary>When what is told of it happened, as <see cref="Start"/>; null where the kernel does not say (before Linux 6.14).</summary>
    public DateTimeOffset? Told { get; init; }

    /// <summary>When it ended, as <see cref="Start"/>: of a flow that timed out the time at which it did, however late that is told. Null while it lives.</summary>
    public DateTimeOffset? Stop { get; init; }

    /// <summary>Null where the kernel does not count.</summary>
    public ConntrackCounters? OriginalCounters { get; init; }

    /// <inheritdoc cref="OriginalCounters"/>
    public ConntrackCounters? ReplyCounters { get; init; }
}

/// <summary>How far a connection of TCP or SCTP has come.</summary>
/// <param name="State">By the kernel's number: enum tcp_conntrack, enum sctp_conntrack.</param>
/// <param name="OriginalTag">Of SCTP the verification tag of packets in the original direction; else 0.</param>
/// <param name="ReplyTag">The same of answers.</param>
public readonly record struct ConntrackConnection(byte State, uint OriginalTag = 0, uint ReplyTag = 0);

/// <summary>What went in one direction; counted where <c>net.netfilter.nf_conntrack_acct</c> is on.</summary>
public readonly record struct ConntrackCounters(ulong Packets, ulong Bytes);

/// <summary>IPS_* of linux/netfilter/nf_conntrack_common.h. Flags without a name here are kept as they are.</summary>
[Flags]
public enum ConntrackStatus : uint
{
    None = 0,

    /// <summary>Was expected by a helper, such as FTP's data connection.</summary>
    Expected = 0x1,

    /// <summary>Packets went both ways.</summary>
    SeenReply = 0x2,

    /// <summary>Not thrown out early when the table is full.</summary>
    Assured = 0x4,
    Confirmed = 0x8,

    /// <summary>Its source is translated.</summary>
    SourceNat = 0x10,

    /// <summary>Its destination is translated.</summary>
    DestinationNat = 0x20,
    Dying = 0x200,
    Offloaded = 0x4000,
}
