namespace EgressAgent.Engine.Relay;

/// <summary>Limits and times of one <see cref="RouterRelay"/>. Times have a resolution of a quarter of a second.</summary>
internal sealed record RelayOptions
{
    public static readonly RelayOptions Default = new();

    /// <summary>How long a destination may take to accept a connection before the client gets a RST.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long an established connection may be silent. For ever by default: TCP's keep-alive finds the peers that are gone, and a
    /// silent connection between two living peers costs a few hundred bytes.
    /// </summary>
    public TimeSpan IdleTimeout { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>How long a connection may be silent after one side has sent its FIN.</summary>
    public TimeSpan HalfClosedTimeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Connections at a time. Further ones wait in the listen queue until one ends.</summary>
    public int MaxConnections { get; init; } = 65536;

    /// <summary>The length of the queue of connections that wait to be accepted; net.core.somaxconn caps it.</summary>
    public int Backlog { get; init; } = 4096;

    /// <summary>UDP associations (client and port) at a time. A further one takes the place of the one idle for longest.</summary>
    public int MaxAssociations { get; init; } = 8192;

    /// <summary>Whether to use sk_lookup where the kernel has it; off to be as on a kernel without.</summary>
    internal bool UsesSteering { get; init; } = true;

    /// <summary>Whether datagrams are received and sent in bursts where the kernel can; off to be as on a kernel that cannot.</summary>
    internal bool UsesSegmentation { get; init; } = true;

    /// <summary>How long a UDP association lives without a datagram in either direction.</summary>
    public TimeSpan AssociationTimeout { get; init; } = TimeSpan.FromMinutes(2);
}
