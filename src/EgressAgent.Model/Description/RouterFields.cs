using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Description;

/// <summary>The fields of an <c>EgressRouter</c>.</summary>
internal static class RouterFields
{
    /// <summary>What Kubernetes keeps in the metadata of an object; present when a file comes from <c>oc get -o yaml</c>.</summary>
    public static readonly ValueList<string> KubernetesMetadata =
    [
        "clusterName", "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers", "generateName",
        "generation", "managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid",
    ];

    public static readonly FieldRule Name = new("name", "The router's name, a DNS subdomain.", new TextRule(Patterns.Subdomain, "web", "partner.example"))
    {
        Required = "the name of the router",
    };

    public static readonly FieldRule Namespace = new(
        "namespace", "A DNS label; `default` when it is not given. Namespace and name identify the router.", new TextRule(Patterns.Label, "payments"));

    public static readonly FieldRule Labels = new(
        "labels", "By which Services select the router.", new TextMapRule(new TextRule(Patterns.LabelValue, "edge", ""), OwnPrefix: null));

    public static readonly FieldRule Annotations = new(
        "annotations",
        "The agent's own settings begin with egressagent.org/; others are left alone.",
        new TextMapRule(
            new TextRule(null, "anything"),
            RouterAnnotations.Prefix,
            new FieldRule(
                RouterAnnotations.Clients,
                "Who may use the router: networks and the word `node`, separated by commas. Others are rejected.",
                new TextRule(Patterns.Clients, "node, 10.0.0.0/8, fd00::/8")),
            new FieldRule(RouterAnnotations.Datapath, "What moves the packets.", new WordRule([.. RouterChoices.Datapaths.Names])),
            new FieldRule(
                RouterAnnotations.Failover,
                "Whether other nodes take the router over: with `manual` it is silent until it is claimed on this node, by keepalived, Pacemaker or a person; with `cluster` the agents of the nodes agree who holds it.",
                new WordRule([.. RouterChoices.Failovers.Names])),
            new FieldRule(RouterAnnotations.FlowLog, "Of which flows records go to the journal: `closed` writes one at the end, `all` one at the start as well.", new WordRule([.. RouterChoices.FlowLogs.Names])),
            new FieldRule(
                RouterAnnotations.FlowOffload,
                "Whether established flows bypass the chains of nf_tables, through a flowtable: with `auto` where this kernel was seen to do it right.",
                new WordRule([.. RouterChoices.FlowOffloads.Names])),
            new FieldRule(
                RouterAnnotations.InsideAddress,
                "Where clients reach the router: one address of the inside networks for each family.",
                new TextRule(Patterns.Addresses, "198.18.0.9")),
            new FieldRule(
                RouterAnnotations.LocalProcesses,
                "Whether processes that root puts into the router's network namespace may send from its reserved addresses: `allow` unless it is given.",
                new WordRule([.. RouterChoices.LocalProcesses.Names])),
            new FieldRule(RouterAnnotations.MacAddress, "The MAC address of the macvlan.", new TextRule(Patterns.Mac, "02:00:5e:10:00:01")),
            new FieldRule(
                RouterAnnotations.PassthruTakesTheNode,
                "Whether the mode `Passthru` may take an interface that the node itself uses, which cuts the node off there.",
                new WordRule([.. RouterChoices.TruthTexts.Names]))));

    public static readonly FieldRule MacvlanMode = new(
        "mode", "How the macvlan talks to others on the same interface; `Bridge` when it is not given.", new WordRule([.. RouterChoices.MacvlanModes.Names]));

    public static readonly FieldRule Master = new(
        "master",
        "The node's interface to which the router is attached, by name or alternative name. It is inferred when it is not given.",
        new TextRule(Patterns.Interface, "eth1", ""));

    public static readonly FieldRule Macvlan = new("macvlan", "The interface of the router in the node's network.", new MappingRule(MacvlanMode, Master));

    public static readonly FieldRule NetworkInterface = new("networkInterface", "How the router is attached.", new MappingRule(Macvlan));

    public static readonly FieldRule Ip = new(
        "ip",
        "The reserved address with the prefix length of its network; a single host without.",
        new TextRule(Patterns.AddressWithPrefix, "192.168.12.99/24", "192.168.12.98"))
    {
        Required = "the reserved address, such as `192.168.12.99/24`",
    };

    public static readonly FieldRule Gateway = new(
        "gateway",
        "The gateway, an address of the same family. It is that of the master's default route in the network when it is not given.",
        new TextRule(Patterns.Address, "192.168.12.1"));

    public static readonly FieldRule Addresses = new(
        "addresses", "The reserved addresses. Destinations see the first of their family.", new ListRule(new MappingRule(Ip, Gateway), MinimumCount: 1))
    {
        Required = "the reserved addresses, at least one",
    };

    public static readonly FieldRule Mode = new("mode", "`Redirect`, also when it is not given.", new WordRule("Redirect"));

    public static readonly FieldRule DestinationIp = new(
        "destinationIP", "Where such connections go.", new TextRule(Patterns.Address, "203.0.113.26"))
    {
        Required = "the IP address to redirect to",
    };

    public static readonly FieldRule Port = new("port", "The port at which clients connect.", new IntegerRule(1, ushort.MaxValue))
    {
        Required = "the port on which clients connect, 1 to 65535",
    };

    public static readonly FieldRule Protocol = new(
        "protocol", "Of which protocol, in upper case.", new WordRule([.. RouterChoices.Protocols.Names]))
    {
        Required = RouterChoices.Protocols.ToString(),
    };

    public static readonly FieldRule TargetPort = new("targetPort", "The port at the destination; `port` when it is not given.", new IntegerRule(1, ushort.MaxValue));

    public static readonly FieldRule RedirectRules = new(
        "redirectRules", "What goes where, by port and protocol.", new ListRule(new MappingRule(DestinationIp, Port, Protocol, TargetPort)));

    public static readonly FieldRule FallbackIp = new(
        "fallbackIP",
        "Where everything goes that no rule takes, to the port that was asked for. It is rejected when this is not given.",
        new TextRule(Patterns.Address, "203.0.113.27"));

    public static readonly FieldRule Redirect = new("redirect", "What goes where; `{}` rejects everything.", new MappingRule(RedirectRules, FallbackIp))
    {
        Required = "what goes where; `{}` rejects all traffic",
    };

    public static readonly FieldRule Metadata = new("metadata", "Name, labels and the agent's own settings.", new MappingRule(Name, Namespace, Labels, Annotations)
    {
        Ignored = KubernetesMetadata,
    })
    {
        Required = "a mapping with the `name`",
    };

    public static readonly FieldRule Spec = new("spec", "What the router does.", new MappingRule(NetworkInterface, Addresses, Mode, Redirect))
    {
        Required = "a mapping with `addresses` and `redirect`",
    };
}
