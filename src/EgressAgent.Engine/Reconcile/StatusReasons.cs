namespace EgressAgent.Engine.Reconcile;

/// <summary>The reasons of conditions, beside those of planning (<see cref="Model.Planning.PlanReasons"/>).</summary>
public static class StatusReasons
{
    public const string InForce = "InForce";
    public const string AsSpecified = "AsSpecified";
    public const string Configuring = "Configuring";
    public const string DetectingDuplicates = "DetectingDuplicates";
    public const string Settled = "Settled";
    public const string Waiting = "Waiting";
    public const string Retrying = "Retrying";
    public const string Removing = "Removing";
    public const string InvalidSpec = "InvalidSpec";
    public const string AddressConflict = "AddressConflict";
    public const string KernelRefused = "KernelRefused";
    public const string StateNotSaved = "StateNotSaved";
    public const string RepairsUndone = "RepairsUndone";
    public const string GatewayAnswers = "GatewayAnswers";
    public const string GatewayUnreachable = "GatewayUnreachable";
    public const string GatewayAsked = "GatewayAsked";
    public const string WaysClear = "WaysClear";
    public const string NodeAlone = "NodeAlone";
    public const string WaysAsked = "WaysAsked";
    public const string NotInForce = "NotInForce";
    public const string Standby = "Standby";
    public const string NoCluster = "NoCluster";
    public const string ClusterUnreachable = "ClusterUnreachable";
    public const string ClusterUnwritten = "ClusterUnwritten";
    public const string HeartbeatsMissing = "HeartbeatsMissing";
    public const string HeldByDifferentNodes = "HeldByDifferentNodes";
    public const string NoRouter = "NoRouter";
    public const string NoRouterAvailable = "NoRouterAvailable";
    public const string RouterNotAvailable = "RouterNotAvailable";
    public const string ExternalAddressNotHeld = "ExternalAddressNotHeld";
}
