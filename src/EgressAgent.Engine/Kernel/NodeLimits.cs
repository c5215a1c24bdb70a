using System.Net.Sockets;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Linux.Netlink.Neighbours;
using EgressAgent.Model;
using EgressAgent.Model.Validation;

namespace EgressAgent.Engine.Kernel;

/// <summary>A limit of the whole node at which the kernel turns something away.</summary>
/// <param name="Sysctl">Its name, as sysctl(8) prints it.</param>
/// <param name="Problem">What that means, with numbers, and what would mend it.</param>
public sealed record ReachedLimit(string Sysctl, string Problem);

/// <summary>The limits of the node, on which every router depends, and which of them are reached. Not thread-safe.</summary>
internal sealed class NodeLimits(NetworkNamespace node, RouteNetlink route) : IDisposable
{
    private readonly ConntrackTable _flows = ConntrackTable.Open(node);
    private readonly LimitEvent _table = new();
    private readonly Dictionary<AddressFamily, (LimitEvent Event, ulong Last)> _neighbours = [];
    private ConntrackStatistics? _last;

    /// <summary>Those that are reached.</summary>
    internal ValueList<ReachedLimit> Reached =>
    [
        .. _neighbours.Where(table => table.Value.Event.Problem is not null).OrderBy(table => table.Key)
            .Select(table => new ReachedLimit(ThresholdOf(table.Key), table.Value.Event.Problem!)),
        .. _table.Problem is { } problem ? [new ReachedLimit("net.netfilter.nf_conntrack_max", problem)] : ValueList<ReachedLimit>.Empty,
    ];

    /// <summary>What the tables take that the routers share.</summary>
    internal NodeTables Tables { get; private set; } = NodeTables.Unknown;

    /// <summary>Looks once.</summary>
    /// <returns>Whether <see cref="Reached"/> or <see cref="Tables"/> is another.</returns>
    internal bool Look()
    {
        bool isChanged = false;
        try
        {
            isChanged = LookAtNeighbours();
            isChanged |= LookAtFlows();
        }
        catch (LinuxException)
        {
            // A kernel that does not answer this has no such table.
        }

        return isChanged;
    }

    public void Dispose() => _flows.Dispose();

    private bool LookAtNeighbours()
    {
        bool isChanged = false;
        foreach (NeighbourTable table in route.GetNeighbourTables())
        {
            if (!_neighbours.TryGetValue(table.Family, out (LimitEvent Event, ulong Last) known))
            {
                known = (new LimitEvent(), table.Refused);
            }

            isChanged |= NoteTables(table.Family == AddressFamily.InterNetwork ? Tables with { Ipv4Neighbours = table.Limit } : Tables with { Ipv6Neighbours = table.Limit });
            ulong refused = table.Refused - known.Last;
            isChanged |= known.Event.Note(refused, () => Describe(table, refused));
            _neighbours[table.Family] = (known.Event, table.Refused);
        }

        return isChanged;
    }

    private bool LookAtFlows()
    {
        ConntrackStatistics now = _flows.ReadStatistics();
        ConntrackStatistics since = now - (_last ?? now);
        _last = now;
        uint isFull = since.Dropped - Math.Min(since.Dropped, since.InsertFailed);
        ConntrackSize size = _flows.ReadSize();
        return _table.Note(isFull, () => "on the node itself " + RouterLimits.DescribeTable(size, isFull)) | NoteTables(
            Tables with { CrowdedFlows = NodeTables.WhenCrowded(size.Entries, size.Limit, Tables.CrowdedFlows is not null) });
    }

    private bool NoteTables(NodeTables tables)
    {
        bool isChanged = tables != Tables;
        Tables = tables;
        return isChanged;
    }

    private static string Describe(NeighbourTable table, ulong refused)
    {
        string threshold = ThresholdOf(table.Family);
        return $"the table of {(table.Family == AddressFamily.InterNetwork ? "ARP" : "ND")} neighbours, which all network namespaces share, is full: it has "
            + $"{table.Entries} of {table.Limit} entries, and {refused} more were refused; hosts of the LAN, gateways among them, can be out of reach, for the node "
            + $"itself too: sysctl -w {threshold.Replace("thresh3", "thresh2")}={2L * table.Limit} {threshold}={4L * table.Limit}";
    }

    private static string ThresholdOf(AddressFamily family) => $"net.{(family == AddressFamily.InterNetwork ? "ipv4" : "ipv6")}.neigh.default.gc_thresh3";
}
