namespace EgressAgent.Model.Planning;

/// <summary>The reasons that planning gives, as they appear in a router's conditions.</summary>
public static class PlanReasons
{
    public const string MasterMissing = "MasterMissing";
    public const string MasterDown = "MasterDown";
    public const string GatewayUnknown = "GatewayUnknown";
    public const string AddressInUseOnNode = "AddressInUseOnNode";
    public const string InsideNetworkConflict = "InsideNetworkConflict";
    public const string InsideNetworkMissing = "InsideNetworkMissing";
    public const string KernelRefused = "KernelRefused";
    public const string InsideNetworkExhausted = "InsideNetworkExhausted";
    public const string InsideAddressRefused = "InsideAddressRefused";
    public const string LimitReached = "LimitReached";
    public const string PortInUse = "PortInUse";
    public const string NotSupportedByDatapath = "NotSupportedByDatapath";
}
