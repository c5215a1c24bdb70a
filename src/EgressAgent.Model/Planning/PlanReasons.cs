namespace EgressAgent.Model.Planning;

/// <summary>The reasons that planning gives, as they appear in a router's conditions.</summary>
public static class PlanReasons
{
    public const string MasterMissing = "MasterMissing";
    public const string MasterDown = "MasterDown";
    public const string MasterUnfit = "MasterUnfit";
    public const string MasterTaken = "MasterTaken";
    public const string PassthruTakesTheNode = "PassthruTakesTheNode";
    public const string GatewayIsTheNode = "GatewayIsTheNode";
    public const string MasterKept = "MasterKept";
    public const string GatewayKept = "GatewayKept";
    public const string GatewayUnknown = "GatewayUnknown";
    public const string AddressInUseOnNode = "AddressInUseOnNode";
    public const string InsideNetworkConflict = "InsideNetworkConflict";
    public const string IPv6Off = "IPv6Off";
    public const string FenceMissing = "FenceMissing";
    public const string InsideNetworkMissing = "InsideNetworkMissing";
    public const string ServiceNetworkConflict = "ServiceNetworkConflict";
    public const string KernelRefused = "KernelRefused";
    public const string InsideNetworkExhausted = "InsideNetworkExhausted";
    public const string InsideAddressRefused = "InsideAddressRefused";
    public const string NotOurs = "NotOurs";
    public const string LimitReached = "LimitReached";
    public const string ExternalAddressElsewhere = "ExternalAddressElsewhere";
    public const string PortInUse = "PortInUse";
    public const string NotSupportedByDatapath = "NotSupportedByDatapath";
    public const string RoutedElsewhere = "RoutedElsewhere";
    public const string ForwardingOff = "ForwardingOff";
    public const string ForwardDropped = "ForwardDropped";
    public const string FirewalldRejects = "FirewalldRejects";
    public const string ReversePathFilter = "ReversePathFilter";
    public const string Masqueraded = "Masqueraded";
    public const string UnexpectedError = "UnexpectedError";
}
