using System.Net.NetworkInformation;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Validation;

/// <summary>The agent's own settings from annotations; null where the annotation is absent.</summary>
internal sealed record AnnotationSettings(
    DatapathKind? Datapath = null,
    ClientsSpec? Clients = null,
    PhysicalAddress? MacAddress = null,
    FlowLogMode? FlowLog = null,
    FlowOffloadMode? FlowOffload = null,
    FailoverMode Failover = FailoverMode.None,
    LocalProcesses LocalProcesses = LocalProcesses.Allow,
    InsideAddressPins? InsideAddresses = null,
    HostNamePins? HostNames = null,
    bool PassthruTakesTheNode = false)
{
    public static readonly AnnotationSettings None = new();
}
