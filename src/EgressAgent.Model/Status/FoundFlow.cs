namespace EgressAgent.Model.Status;

/// <summary>Who was behind a flow, and when: as a record of the journal tells it, or a look at what goes through a router now.</summary>
public sealed record FoundFlow
{
    /// <summary><c>default/web</c></summary>
    public required string Router { get; init; }

    /// <summary>What took it: <c>8080/TCP</c>, <c>fallback</c> or <c>local</c>; empty where that is not told.</summary>
    public string Rule { get; init; } = "";

    /// <summary>By name where it has one: <c>TCP</c>, else its number.</summary>
    public required string Protocol { get; init; }

    /// <summary>Address, and port where the protocol has any.</summary>
    public required string Client { get; init; }

    /// <summary>What the destination saw, likewise.</summary>
    public required string Source { get; init; }

    /// <summary>Likewise; empty where records leave it out.</summary>
    public string Destination { get; init; } = "";

    /// <summary>Null where that is not known.</summary>
    public DateTimeOffset? Start { get; init; }

    /// <summary>Null unless it is <see cref="FlowState.Ended"/>.</summary>
    public DateTimeOffset? End { get; init; }

    public required FlowState State { get; init; }

    /// <summary>To the destination.</summary>
    public ulong BytesTo { get; init; }

    /// <summary>From the destination.</summary>
    public ulong BytesFrom { get; init; }

    /// <summary>The systemd unit of a client on the node; empty where there is none.</summary>
    public string Unit { get; init; } = "";

    /// <summary>The container that the client is; empty where it is none.</summary>
    public string Container { get; init; } = "";

    /// <summary>For whom the node spoke, address and port; empty where it spoke for itself, or that is not known.</summary>
    public string Masqueraded { get; init; } = "";
}

/// <summary>What is known of a flow's end.</summary>
public enum FlowState
{
    /// <summary>Its end was recorded.</summary>
    Ended,

    /// <summary>It is there now.</summary>
    Living,

    /// <summary>Its begin was recorded, its end was not, and it is not there now.</summary>
    Unknown,
}
