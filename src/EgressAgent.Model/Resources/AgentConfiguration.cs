using System.Net;

namespace EgressAgent.Model.Resources;

/// <summary>The agent's settings, from <c>/etc/egress-agentd/agentd.yaml</c>. Every field has a default.</summary>
public sealed record AgentConfiguration
{
    public static readonly AgentConfiguration Default = new();

    /// <summary>Where routers get the addresses at which clients reach them: at most one network per family.</summary>
    public ValueList<IPNetwork> InsideNetworks { get; init; } = [IPNetwork.Parse("198.18.0.0/16"), IPNetwork.Parse("fd96:e9e5:a::/112")];

    /// <summary>Where services get their addresses: at most one network per family.</summary>
    public ValueList<IPNetwork> ServiceNetworks { get; init; } = [IPNetwork.Parse("198.19.0.0/16"), IPNetwork.Parse("fd96:e9e5:b::/112")];

    /// <summary>The datapath of routers that do not choose one.</summary>
    public DatapathKind Datapath { get; init; } = DatapathKind.Kernel;

    /// <summary>Whether to probe for another holder before an IPv4 address is claimed (RFC 5227).</summary>
    public bool AddressConflictDetection { get; init; } = true;

    /// <summary>Who may use the routers that do not say who may; null when everyone may.</summary>
    public ClientsSpec? Clients { get; init; }

    /// <summary>The flow log of routers that do not choose one.</summary>
    public FlowLogMode FlowLog { get; init; } = FlowLogMode.None;

    /// <summary>The same of the offload of their established flows.</summary>
    public FlowOffloadMode FlowOffload { get; init; } = FlowOffloadMode.Off;

    /// <summary>Whether the node itself resolves the names of Services: they are kept in its hosts file.</summary>
    public bool EtcHosts { get; init; }

    /// <summary>How long relayed connections may finish after the agent was told to stop.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Where metrics are shown.</summary>
    public MetricsPlaces Metrics { get; init; } = MetricsPlaces.None;

    /// <summary>Where records of flows go, and what they tell.</summary>
    public FlowRecordSettings FlowRecords { get; init; } = FlowRecordSettings.Default;

    /// <summary>With which nodes this one agrees who holds a router; null when it is in no cluster.</summary>
    public ClusterSettings? Cluster { get; init; }
}

/// <summary>Where records of flows go, and what they tell.</summary>
/// <param name="Namespace">The journal namespace (systemd-journald.service(8)).</param>
/// <param name="TellsDestinations">Whether records and metrics tell where flows go (RFC 6888, REQ-12).</param>
public sealed record FlowRecordSettings(string Namespace, bool TellsDestinations)
{
    public static readonly FlowRecordSettings Default = new("egress-flows", TellsDestinations: true);
}

/// <summary>Where metrics are shown.</summary>
/// <param name="Textfile">A directory, as an absolute path, in which they are kept as a file; null for none.</param>
/// <param name="Listen">An address of loopback at which they are served over HTTP; null for none.</param>
public sealed record MetricsPlaces(string? Textfile, IPEndPoint? Listen)
{
    public static readonly MetricsPlaces None = new(null, null);
}
