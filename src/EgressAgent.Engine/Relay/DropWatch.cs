using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Model;

namespace EgressAgent.Engine.Relay;

/// <summary>
/// Whether the sockets of one relay have no room for what comes, or its link for what goes. The kernel says nothing of it to anybody, so it
/// is to be looked at now and then. Not thread-safe.
/// </summary>
internal sealed class DropWatch
{
    private const string MoreProcessor =
        "for want of processor time, mostly: systemctl set-property egress-agentd.service CPUWeight=1000, or the kernel datapath, which needs none of the agent's";

    private readonly NetworkNamespace _netns;
    private readonly Func<ulong> _readUnsent;
    private readonly LimitEvent _datagrams = new();
    private readonly LimitEvent _connections = new();
    private readonly LimitEvent _unsent = new();
    private SocketDrops? _last;
    private ulong _lastUnsent;

    /// <param name="netns">The router's, in which all sockets are the relay's. It belongs to the caller.</param>
    /// <param name="readUnsent">How many datagrams the relay could not send on.</param>
    internal DropWatch(NetworkNamespace netns, Func<ulong> readUnsent)
    {
        _netns = netns;
        _readUnsent = readUnsent;

        // What earlier agents had no room for they have told.
        Look();
    }

    /// <summary>What there is not enough of; empty when nothing is missing.</summary>
    internal ValueList<string> Texts => [.. new[] { _datagrams.Problem, _unsent.Problem, _connections.Problem }.OfType<string>()];

    /// <summary>Looks once.</summary>
    /// <returns>Whether <see cref="Texts"/> are others.</returns>
    internal bool Look()
    {
        try
        {
            return Note(SocketDrops.Read(_netns), _readUnsent());
        }
        catch (LinuxException)
        {
            // It cannot be entered for now, and what is counted stays counted.
            return false;
        }
    }

    private bool Note(SocketDrops now, ulong unsent)
    {
        SocketDrops last = _last ?? now;
        ulong datagrams = now.Datagrams - last.Datagrams;
        ulong connections = now.Connections - last.Connections;
        ulong kept = unsent - _lastUnsent;
        (_last, _lastUnsent) = (now, unsent);
        return _datagrams.Note(datagrams, () => DescribeDatagrams(datagrams))
            | _unsent.Note(kept, () => DescribeUnsent(kept))
            | _connections.Note(connections, () => DescribeConnections(connections));
    }

    private static string DescribeDatagrams(ulong count) =>
        $"{count} UDP datagrams were dropped, as the relay's sockets were full of earlier ones (RcvbufErrors), {MoreProcessor}";

    private static string DescribeUnsent(ulong count) =>
        $"{count} UDP datagrams were dropped, as the link did not take them as fast as they came (SndbufErrors); in the router's namespace: tc -s qdisc";

    private string DescribeConnections(ulong count) =>
        $"{count} packets of new TCP connections were dropped, as the queue of those that the relay is to accept was full (ListenDrops; "
        + $"net.core.somaxconn is {TryReadQueue() ?? "not known"}); clients try again, after a second at first; {MoreProcessor}";

    private string? TryReadQueue()
    {
        try
        {
            return Sysctl.Get(_netns, "net/core/somaxconn");
        }
        catch (LinuxException)
        {
            return null;
        }
    }
}
