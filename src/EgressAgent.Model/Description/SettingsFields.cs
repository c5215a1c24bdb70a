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

    public static readonly FieldRule FlowOffload = new(
        "flowOffload",
        "Whether established flows of a router that does not choose bypass the chains of nf_tables, through a flowtable: with `auto` where this kernel was seen to do it right.",
        new WordRule([.. RouterChoices.FlowOffloads.Names]));

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

    public static readonly FieldRule ClusterName = new(
        "name", "The cluster, alike on all of its nodes.", new TextRule(Patterns.Label, "edge"))
    {
        Required = "the name of the cluster, alike on all of its nodes",
    };

    public static readonly FieldRule Node = new(
        "node", "This node, another word on each node of the cluster, its host name when it is not given.", new TextRule(Patterns.Subdomain, "node-a"));

    public static readonly FieldRule Endpoints = new(
        "endpoints",
        "Members of etcd (3.4 or later), of which the next one is asked when one does not answer.",
        new ListRule(new TextRule(Patterns.EtcdEndpoint, "https://192.0.2.11:2379", "https://etcd-2.example.com:2379"), MinimumCount: 1))
    {
        Required = "a list of endpoints of etcd",
    };

    public static readonly FieldRule CaFile = new(
        "caFile", "Certificates (PEM) of which one has signed those of etcd's members, the system's when it is not given.", File("/etc/egress-agentd/etcd-ca.pem"));

    public static readonly FieldRule CertFile = new(
        "certFile", "The certificate (PEM) with which the agent comes to etcd, together with `keyFile`.", File("/etc/egress-agentd/etcd.pem"));

    public static readonly FieldRule KeyFile = new("keyFile", "The key (PEM) of `certFile`.", File("/etc/egress-agentd/etcd-key.pem"));

    public static readonly FieldRule Username = new("username", "The user of etcd, together with `passwordFile`.", new TextRule(Patterns.EtcdUser, "egress"));

    public static readonly FieldRule PasswordFile = new(
        "passwordFile", "A file whose first line is the password of `username`.", File("/etc/egress-agentd/etcd-password"));

    public static readonly FieldRule Etcd = new(
        "etcd", "The etcd in which the nodes agree.", new MappingRule(Endpoints, CaFile, CertFile, KeyFile, Username, PasswordFile))
    {
        Required = "a mapping with `endpoints`",
    };

    public static readonly FieldRule HeartbeatAddress = new(
        "address", "This node's address, to which the others send heartbeats.", new TextRule(Patterns.Address, "192.0.2.1", "2001:db8::1"))
    {
        Required = "this node's address, to which the others send heartbeats",
    };

    public static readonly FieldRule HeartbeatListen = new(
        "listen", "The address at which heartbeats are heard, `address` when it is not given.", new TextRule(Patterns.Address, "192.0.2.1", "2001:db8::1"));

    public static readonly FieldRule HeartbeatPort = new("port", "The port (UDP), 9818 when it is not given.", new IntegerRule(1, 65535));

    public static readonly FieldRule Heartbeat = new(
        "heartbeat",
        "Where the nodes hear each other, so that one that is lost is replaced within a second, and routers go on while etcd is away.",
        new MappingRule(HeartbeatAddress, HeartbeatListen, HeartbeatPort));

    public static readonly FieldRule Priority = new(
        "priority", "Of several nodes that can take a router over the one with the highest does, 100 when it is not given.", new IntegerRule(1, 10000));

    public static readonly FieldRule Preempt = new(
        "preempt", "Whether this node takes routers from nodes of a lower priority that are well, `false` when it is not given.", new BooleanRule());

    public static readonly FieldRule Cluster = new(
        "cluster",
        "The nodes that agree who holds a router with the annotation `egressagent.org/failover: cluster`.",
        new MappingRule(ClusterName, Node, Etcd, Heartbeat, Priority, Preempt));

    public static readonly MappingRule Document = new(
        ApiVersion, Kind, InsideNetworks, ServiceNetworks, Clients, Datapath, AddressConflictDetection, FlowLog, FlowOffload, DrainTimeout, EtcHosts, Metrics, FlowRecords, Cluster)
    {
        Ignored = ["metadata"],
    };

    private static TextRule File(string example) => new(Patterns.AbsolutePath, example);
}
