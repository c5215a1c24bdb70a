using System.Net;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Redirect;

/// <summary>
/// Cuts the flows through the netns of Services that the plan would not have made. A router that is lost keeps the connections that
/// were answered, which may outlive its absence; what has no connection, and what was never answered, finds another one.
/// </summary>
internal sealed class ServiceFlowSweep
{
    private readonly Dictionary<(IPAddress Address, byte Protocol, ushort? Port), ServiceEntry> _entries;

    private ServiceFlowSweep(ServicePlan plan)
    {
        _entries = plan.Entries.ToDictionary(entry => (entry.Address, entry.Protocol.Number(), (ushort?)entry.Port));
    }

    /// <param name="plan">The plan in force.</param>
    /// <param name="netns">That of Services.</param>
    /// <param name="end">Ends the flows in the relays; see <see cref="FlowSweep"/>.</param>
    /// <exception cref="Linux.LinuxException">The kernel refused; some may be left.</exception>
    internal static void Run(ServicePlan plan, NetworkNamespace netns, FlowsCut? end = null)
    {
        var sweep = new ServiceFlowSweep(plan);
        FlowSweep.Run(netns, sweep.Permits, end);
    }

    private bool Permits(ConntrackEntry flow)
    {
        if (!flow.Status.HasFlag(ConntrackStatus.DestinationNat))
        {
            return true;
        }

        ServiceEntry? entry = _entries.GetValueOrDefault((flow.Original.Destination, flow.Original.Protocol, flow.Original.DestinationPort));
        ServiceTarget? target = entry?.Targets.FirstOrDefault(target => target.Inside.Equals(flow.Reply.Source));
        return target is not null
            && flow.Reply.SourcePort == entry!.TargetPort
            && (target.IsAvailable || (entry.Protocol != TransportProtocol.UDP && flow.Status.HasFlag(ConntrackStatus.SeenReply)));
    }
}
