using System.Net;
using EgressAgent.Linux;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// Whether connection tracking turns away new connections of one router: the kernel drops their packets, and says nothing to anybody.
/// Thread-safe.
/// </summary>
internal sealed class RouterLimits
{
    // Those from 1024 on, which the kernel chooses from when a client's own is taken.
    private const int Ports = 65536 - 1024;

    private readonly Lock _lock = new();
    private readonly LimitEvent _ports = new();
    private readonly LimitEvent _table = new();
    private ConntrackTable? _flows;
    private ConntrackStatistics _last = new(0, 0);

    /// <summary>What new connections are dropped for.</summary>
    internal ValueList<PlanProblem> Problems =>
        [.. new[] { _ports.Problem, _table.Problem }.OfType<string>().Select(problem => new PlanProblem(PlanReasons.LimitReached, problem))];

    /// <summary>From here on that netns is looked at; none when null. The one of before is closed.</summary>
    internal void Follow(ConntrackTable? flows)
    {
        lock (_lock)
        {
            _flows?.Dispose();
            _flows = flows;
            Ask(() => _last = flows?.ReadStatistics() ?? _last);
        }
    }

    /// <summary>Looks once. A router with few flows costs one exchange with the kernel.</summary>
    /// <returns>Whether <see cref="Problems"/> are others.</returns>
    internal bool Look()
    {
        bool isChanged = false;
        lock (_lock)
        {
            Ask(() => isChanged = _flows is not null && Look(_flows));
        }

        return isChanged;
    }

    // A kernel that refuses tells nothing here; what else that means for the router its pass finds out.
    private static void Ask(Action ask)
    {
        try
        {
            ask();
        }
        catch (LinuxException)
        {
        }
    }

    private bool Look(ConntrackTable flows)
    {
        // What is counted stays counted, so nothing is missed of a router that had few flows until now.
        ConntrackSize size = flows.ReadSize();
        if (Problems.Count == 0 && size.Entries < Math.Min(Ports, size.Limit) / 2)
        {
            return false;
        }

        ConntrackStatistics now = flows.ReadStatistics();
        ConntrackStatistics since = now - _last;
        _last = now;
        uint isFull = since.Dropped - Math.Min(since.Dropped, since.InsertFailed);
        return _ports.Note(since.InsertFailed, () => DescribePorts(flows, since.InsertFailed)) | _table.Note(isFull, () => DescribeTable(size, isFull));
    }

    internal static string DescribeTable(ConntrackSize size, uint dropped) =>
        $"{dropped} packets of new connections were dropped, as connection tracking is full: {size.Entries} entries are in use, and "
        + $"net.netfilter.nf_conntrack_max gives {size.Limit} to each network namespace; on the node: sysctl -w net.netfilter.nf_conntrack_max={4L * size.Limit}";

    // Each destination takes one connection for each port. Null when it is not for want of ports: packets of one flow that are under way
    // at once may fail each other.
    private static string? DescribePorts(ConntrackTable flows, uint dropped)
    {
        var busiest = flows.GetFlows()
            .GroupBy(flow => (flow.Reply.Protocol, flow.Reply.Source, Port: flow.Reply.SourcePort ?? 0, Reserved: flow.Reply.Destination))
            .Select(group => (group.Key, Count: group.Count()))
            .MaxBy(group => group.Count);
        if (busiest.Count < Ports / 8 * 7)
        {
            return null;
        }

        (byte protocol, IPAddress destination, ushort port, IPAddress reserved) = busiest.Key;
        TransportProtocol? transport = TransportProtocols.OfNumber(protocol);
        string name = transport?.ToString() ?? $"protocol {protocol}";
        string timeout = transport switch
        {
            TransportProtocol.TCP => "tcp_timeout_time_wait",
            TransportProtocol.UDP => "udp_timeout_stream",
            TransportProtocol.SCTP => "sctp_timeout_established",
            _ => "generic_timeout",
        };
        return $"{dropped} packets of new connections were dropped, as no source port is left: {busiest.Count} of the {Ports} ports of {reserved} are in use "
            + $"towards {new IPEndPoint(destination, port)}/{name}; give some of the clients a second router with another address, "
            + $"or let ports be free sooner, on the node: sysctl -w net.netfilter.nf_conntrack_{timeout}=30";
    }
}
