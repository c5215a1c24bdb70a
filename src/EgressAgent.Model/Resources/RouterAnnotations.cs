namespace EgressAgent.Model.Resources;

/// <summary>The annotations in which a router carries the agent's own settings.</summary>
internal static class RouterAnnotations
{
    public const string Prefix = "egressagent.org/";
    public const string Datapath = Prefix + "datapath";
    public const string Clients = Prefix + "clients";
    public const string MacAddress = Prefix + "mac-address";
    public const string Failover = Prefix + "failover";
    public const string FlowLog = Prefix + "flow-log";
    public const string FlowOffload = Prefix + "flow-offload";
    public const string InsideAddress = Prefix + "inside-address";
    public const string LocalProcesses = Prefix + "local-processes";
    public const string PassthruTakesTheNode = Prefix + "passthru-takes-the-node";

    public static readonly ValueList<string> All = [Clients, Datapath, Failover, FlowLog, FlowOffload, InsideAddress, LocalProcesses, MacAddress, PassthruTakesTheNode];
}
