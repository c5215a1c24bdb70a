using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Description;

/// <summary>The fields of an <c>AgentConfiguration</c>.</summary>
internal static class SettingsFields
{
    public const string ApiVersionWord = "agent.egressagent.org/v1";
    public const string KindWord = "AgentConfiguration";

    public static readonly FieldRule ApiVersion = new("apiVersion", "The version of these settings.", new WordRule(ApiVersionWord))
    {
        Required = $"`{ApiVersionWord}`",
    };

    public static readonly FieldRule Kind = new("kind", "That these are the agent's settings.", new WordRule(KindWord)) { Required = $"`{KindWord}`" };

    public static readonly FieldRule InsideNetworks = new(
        "insideNetworks",
        "Where routers get their inside addresses, at most one network per family. The first address of each is the node's own.",
        new ListRule(new TextRule(Patterns.Network, "10.7.0.0/16", "fd00:7::/112"), MinimumCount: 1));

    public static readonly FieldRule ServiceNetworks = new(
        "serviceNetworks",
        "Where Services get their addresses, apart from the inside networks.",
        new ListRule(new TextRule(Patterns.Network, "10.8.0.0/16", "fd00:8::/112"), MinimumCount: 1));

    public static readonly FieldRule Clients = new(
        "clients",
        "Who may use the routers that do not say so: networks and the word `node`. Everybody when it is not given.",
        new EitherRule(
            new ListRule(new TextRule(Patterns.NetworkOrNode, "node", "10.0.0.0/8"), MinimumCount: 1), new TextRule(Patterns.Clients, "node, 10.0.0.0/8")));

    public static readonly FieldRule Datapath = new(
        "datapath", "What moves the packets of a router that does not choose.", new WordRule([.. RouterChoices.Datapaths.Names]));

    public static readonly FieldRule AddressConflictDetection = new(
        "addressConflictDetection", "Whether to look for another holder of an address before a router claims it, and while it has it.", new BooleanRule());

    public static readonly FieldRule FlowLog = new(
        "flowLog", "Of which flows of a router that does not choose records go to the journal: `closed` writes one at the end, `all` one at the start as well.", new WordRule([.. RouterChoices.FlowLogs.Names]));

    public static readonly FieldRule DrainTimeout = new(
        "drainTimeout", "How long relayed connections may go on after the agent was stopped, 0s to 1h.", new TextRule(Patterns.Duration, "500ms", "1m30s"));

    public static readonly FieldRule EtcHosts = new(
        "etcHosts", "Whether the node itself resolves the names of Services: they are kept in a block of /etc/hosts.", new BooleanRule());

    public static readonly FieldRule Textfile = new(
        "textfile",
        "The directory of node_exporter's textfile collector, in which egress-agentd.prom is kept while the agent runs.",
        new TextRule(Patterns.AbsolutePath, "/var/lib/prometheus/node-exporter"));

    public static readonly FieldRule Listen = new(
        "listen", "An address of loopback and a port, at which metrics are served over HTTP.", new TextRule(Patterns.LoopbackEndpoint, "127.0.0.1:9817", "[::1]:9817"));

    public static readonly FieldRule Metrics = new(
        "metrics", "Where Prometheus gets metrics of the agent and its routers. Nowhere when it is not given.", new MappingRule(Textfile, Listen));

    public static readonly FieldRule JournalNamespace = new(
        "namespace", "The journal namespace to which records of flows go, `egress-flows` when it is not given.", new TextRule(Patterns.JournalNamespace, "egress-flows"));

    public static readonly FieldRule Destinations = new(
        "destinations", "Whether records of flows and metrics tell destinations, `true` when it is not given.", new BooleanRule());

    public static readonly FieldRule FlowRecords = new(
        "flowRecords", "Where records of flows go, and what is told of what passes through routers.", new MappingRule(JournalNamespace, Destinations));

    public static readonly MappingRule Document = new(
        ApiVersion, Kind, InsideNetworks, ServiceNetworks, Clients, Datapath, AddressConflictDetection, FlowLog, DrainTimeout, EtcHosts, Metrics, FlowRecords)
    {
        Ignored = ["metadata"],
    };
}
