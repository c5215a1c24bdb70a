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
        "addressConflictDetection", "Whether to look for another holder of an IPv4 address before a router claims it.", new BooleanRule());

    public static readonly FieldRule FlowLog = new(
        "flowLog", "Which flows of a router that does not choose are logged; not served yet.", new WordRule([.. RouterChoices.FlowLogs.Names]));

    public static readonly FieldRule DrainTimeout = new(
        "drainTimeout", "How long relayed connections may go on after the agent was stopped, 0s to 1h.", new TextRule(Patterns.Duration, "500ms", "1m30s"));

    public static readonly MappingRule Document = new(
        ApiVersion, Kind, InsideNetworks, ServiceNetworks, Clients, Datapath, AddressConflictDetection, FlowLog, DrainTimeout)
    {
        Ignored = ["metadata"],
    };
}
