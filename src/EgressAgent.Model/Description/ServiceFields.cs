using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Description;

/// <summary>The fields of a <c>Service</c>.</summary>
internal static class ServiceFields
{
    public static readonly FieldRule Name = new("name", "The Service's name, a DNS label that begins with a letter.", new TextRule(Patterns.ServiceLabel, "partner"))
    {
        Required = "the name of the Service",
    };

    public static readonly FieldRule Namespace = new(
        "namespace", "A DNS label; `default` when it is not given. Routers of the same namespace are selected.", new TextRule(Patterns.Label, "payments"));

    public static readonly FieldRule Labels = new(
        "labels", "The Service's own labels, which nothing looks at.", new TextMapRule(new TextRule(Patterns.LabelValue, "edge", ""), OwnPrefix: null));

    public static readonly FieldRule Annotations = new(
        "annotations",
        "The agent's own settings begin with egressagent.org/; others are left alone.",
        new TextMapRule(
            new TextRule(null, "anything"),
            RouterAnnotations.Prefix,
            new FieldRule(
                ServiceAnnotations.HostNames,
                "Names of the partner that lead to the Service on this node, separated by commas.",
                new TextRule(Patterns.HostNames, "partner.example.com, www.partner.example.com"))));

    public static readonly FieldRule Selector = new(
        "selector",
        "The labels that a router must have; every router has `app: egress-router-cni` unless it sets `app` itself.",
        new TextMapRule(new TextRule(Patterns.LabelValue, "edge", ""), OwnPrefix: null));

    public static readonly FieldRule PortName = new("name", "Required if there are several ports.", new TextRule(Patterns.PortName, "http", "https"));

    public static readonly FieldRule Protocol = new(
        "protocol", "Of which protocol, in upper case; `TCP` when it is not given.", new WordRule([.. RouterChoices.Protocols.Names]));

    public static readonly FieldRule Port = new("port", "The port at the Service's address.", new IntegerRule(1, ushort.MaxValue))
    {
        Required = "the port on which clients connect, 1 to 65535",
    };

    public static readonly FieldRule TargetPort = new(
        "targetPort", "The port at the router, where a rule or the fallback takes it; `port` when it is not given.", new IntegerRule(1, ushort.MaxValue));

    public static readonly FieldRule Ports = new(
        "ports",
        "The ports at which the Service answers. All others are rejected.",
        new ListRule(new MappingRule(PortName, Protocol, Port, TargetPort) { Ignored = ["appProtocol"] }));

    public static readonly FieldRule ClusterIp = new(
        "clusterIP",
        "The Service's address, one of the service networks; `None` for no address, its names lead to the routers then. One is given when this is not.",
        new TextRule(Patterns.ClusterAddress, "198.19.0.9", "", "None"));

    public static readonly FieldRule ClusterIps = new(
        "clusterIPs", "The same, for two families.", new ListRule(new TextRule(Patterns.ClusterAddress, "198.19.0.9", "fd96:e9e5:b::9")));

    public static readonly FieldRule IpFamilies = new(
        "ipFamilies", "The families in which the Service has an address.", new ListRule(new WordRule([.. ServiceChoices.Families.Names])));

    public static readonly FieldRule IpFamilyPolicy = new(
        "ipFamilyPolicy", "In one family, or in both; `SingleStack` when it is not given.", new WordRule([.. ServiceChoices.FamilyPolicies.Names]));

    public static readonly FieldRule ExternalIps = new(
        "externalIPs", "Addresses of the network at which other machines reach the Service, on its ports, at the first of its available routers, rather at one whose gateway answers.", new ListRule(new TextRule(Patterns.Address, "192.168.12.98", "192.168.12.97")));

    public static readonly FieldRule SessionAffinity = new(
        "sessionAffinity", "Whether a client stays with its router, of several; `None` when it is not given.", new WordRule([.. ServiceChoices.Affinities.Names]));

    public static readonly FieldRule TimeoutSeconds = new("timeoutSeconds", "For how long at least; 10800 when it is not given. A client stays for as long as its router is available and its gateway answers, or no other's does.", new IntegerRule(1, 86400));

    public static readonly FieldRule ClientIp = new("clientIP", "For `sessionAffinity: ClientIP`.", new MappingRule(TimeoutSeconds));

    public static readonly FieldRule SessionAffinityConfig = new("sessionAffinityConfig", "How a client stays with its router.", new MappingRule(ClientIp));

    public static readonly FieldRule Type = new("type", "`ClusterIP`, also when it is not given.", new WordRule("ClusterIP"));

    public static readonly FieldRule Metadata = new("metadata", "Name and the agent's own settings.", new MappingRule(Name, Namespace, Labels, Annotations)
    {
        Ignored = RouterFields.KubernetesMetadata,
    })
    {
        Required = "a mapping with the `name`",
    };

    public static readonly FieldRule Spec = new(
        "spec",
        "Which routers are behind the Service, and at which address and ports.",
        new MappingRule(
            Selector, Ports, ClusterIp, ClusterIps, IpFamilies, IpFamilyPolicy, ExternalIps, SessionAffinity, SessionAffinityConfig, Type)
        {
            // They choose among nodes, or among endpoints that are not ready; here is one node, and a name stays whatever happens.
            Ignored = ["externalTrafficPolicy", "internalTrafficPolicy", "publishNotReadyAddresses"],
        })
    {
        Required = "a mapping with `ports` and `selector`",
    };
}
