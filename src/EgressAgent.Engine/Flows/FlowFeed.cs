using EgressAgent.Engine.Redirect;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Linux.Netlink.Monitoring;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Flows;

/// <summary>
/// What becomes of those flows of a router that another node could go on with: they came to an external address, which moves with the
/// router, and are established.
/// </summary>
internal sealed class FlowFeed : IDisposable
{
    // enum tcp_conntrack, of linux/netfilter/nf_conntrack_tcp.h
    private const byte TcpEstablished = 3;
    private const byte TcpLastAck = 6;

    // enum sctp_conntrack, of linux/netfilter/nf_conntrack_sctp.h
    private const byte SctpEstablished = 4;
    private const byte SctpShutdownAckSent = 7;

    private readonly ConntrackTable _table;
    private bool _isOver;

    /// <exception cref="Linux.LinuxException">No descriptor is left, or the namespace cannot be entered.</exception>
    internal FlowFeed(RouterKey router, NetworkNamespace netns)
    {
        (Router, Netns) = (router, netns.Id);
        Monitor = ConntrackMonitor.OpenChanges(netns);
        try
        {
            _table = ConntrackTable.Open(netns);
        }
        catch
        {
            Monitor.Dispose();
            throw;
        }
    }

    internal RouterKey Router { get; }

    internal NetworkNamespaceId Netns { get; }

    /// <summary>It tells from the beginning on. It belongs to this.</summary>
    internal ConntrackMonitor Monitor { get; }

    /// <summary>Held by who lists or reads until it has sent that, so that it is sent in order.</summary>
    internal Lock Order { get; } = new();

    public void Dispose()
    {
        lock (_table)
        {
            _isOver = true;
            Monitor.Dispose();
            _table.Dispose();
        }
    }

    /// <summary>Those that are there; null once this is over. Any thread.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    internal IReadOnlyList<FlowUpdate>? List()
    {
        lock (_table)
        {
            return _isOver ? null : [.. KernelTraffic.ListFlows(_table).Where(IsMovable).Select(Follow).OfType<FlowUpdate>().Where(update => !update.IsOver)];
        }
    }

    /// <summary>What was told since the last call; null when some of it was lost, so that they are to be listed anew.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    internal IReadOnlyList<FlowUpdate>? Read()
    {
        IReadOnlyList<ConntrackEvent> told = Monitor.Read();
        return Monitor.TakeLost() > 0 || told.Any(change => change.Flow is null)
            ? null
            : [.. told.Where(change => IsMovable(change.Flow!)).Select(change => change.IsStart ? Follow(change.Flow!) : new FlowUpdate(change.Flow!, IsOver: true)).OfType<FlowUpdate>()];
    }

    private static bool IsMovable(ConntrackEntry flow) => (flow.Mark & PacketMarks.FromLan) != 0 && flow.Status.HasFlag(ConntrackStatus.DestinationNat);

    // Null for what is not established yet, and for what says nothing of it.
    private static FlowUpdate? Follow(ConntrackEntry flow) => (TransportProtocols.OfNumber(flow.Original.Protocol), flow.Connection?.State) switch
    {
        (TransportProtocol.UDP, _) => flow.Status.HasFlag(ConntrackStatus.SeenReply) ? new FlowUpdate(flow, IsOver: false) : null,
        (TransportProtocol.TCP, >= TcpEstablished and <= TcpLastAck) => new FlowUpdate(flow, IsOver: false),
        (TransportProtocol.TCP, > TcpLastAck) => new FlowUpdate(flow, IsOver: true),
        (TransportProtocol.SCTP, >= SctpEstablished and <= SctpShutdownAckSent) => new FlowUpdate(flow, IsOver: false),
        _ => null,
    };
}
