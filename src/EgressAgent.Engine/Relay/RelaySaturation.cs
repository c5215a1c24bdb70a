using EgressAgent.Linux;
using EgressAgent.Linux.FileDescriptors;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Relay;

/// <summary>
/// The limits at which new connections of a relay wait or are turned away, for an operator to read. At a limit, connections come and go
/// all the time: it is told once, and is over when none was met for ten seconds. Thread-safe.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="changed">Called on the thread that met a limit, or that found it over. It returns at once.</param>
internal sealed class RelaySaturation(TimeProvider time, Action changed)
{
    private static readonly TimeSpan End = TimeSpan.FromSeconds(10);

    private readonly Met _room = new();
    private readonly Met _ports = new();
    private long _portFailures;
    private long _limitRefusals;
    private long _unsent;

    /// <summary>What there is not enough of; empty when nothing is missing.</summary>
    internal ValueList<string> Texts => [.. new[] { _room.Text, _ports.Text }.OfType<string>()];

    /// <summary>How often no source port was left.</summary>
    internal long PortFailures => Volatile.Read(ref _portFailures);

    /// <summary>How many connections and associations were turned away at a limit, those of <see cref="PortFailures"/> included.</summary>
    internal long LimitRefusals => Volatile.Read(ref _limitRefusals);

    /// <summary>How many datagrams could not be sent on.</summary>
    internal long Unsent => Volatile.Read(ref _unsent);

    internal bool IsAny => _room.Text is not null || _ports.Text is not null;

    /// <summary>As many connections are open as the relay of a router holds.</summary>
    internal void NoteFull(int connections) =>
        Begin(_room, () => $"{connections} connections are open, the most that the relay of a router holds: new ones wait");

    /// <summary>The kernel had nothing left for a connection.</summary>
    internal void NoteUsedUp(Errno errno) => Begin(_room, () => errno == Errno.EMFILE
        ? $"all {DescriptorLimit.Current} descriptors of the agent are in use (LimitNOFILE= of its service): new connections wait"
        : $"new connections wait, as the kernel has nothing left for them: {errno.Message}");

    /// <summary>Every port of the source address has a connection to the destination, or had one until a moment ago.</summary>
    /// <param name="source">The reserved address.</param>
    /// <param name="destination">Where a connection was to go.</param>
    /// <param name="protocol">By which.</param>
    /// <param name="portRange">What the router's network namespace has as net.ipv4.ip_local_port_range; null when it cannot be read.</param>
    internal void NoteNoPort(SocketEndpoint source, SocketEndpoint destination, TransportProtocol protocol, Func<string?> portRange)
    {
        Interlocked.Increment(ref _portFailures);
        NoteRefusal();
        Begin(_ports, () => DescribePorts(source, destination, protocol, portRange));
    }

    /// <summary>One was turned away at a limit.</summary>
    internal void NoteRefusal() => Interlocked.Increment(ref _limitRefusals);

    /// <summary>Datagrams could not be sent on, as the link has not taken those before. They are lost.</summary>
    internal void NoteUnsent(int datagrams) => Interlocked.Add(ref _unsent, datagrams);

    /// <summary>To be called now and then while there is something to tell.</summary>
    internal void Expire()
    {
        if (Expire(_room) | Expire(_ports))
        {
            changed();
        }
    }

    private void Begin(Met limit, Func<string> describe)
    {
        Volatile.Write(ref limit.At, time.GetTimestamp());
        if (limit.Text is null)
        {
            limit.Text = describe();
            changed();
        }
    }

    private bool Expire(Met limit)
    {
        if (limit.Text is null || time.GetElapsedTime(Volatile.Read(ref limit.At)) < End)
        {
            return false;
        }

        limit.Text = null;
        return true;
    }

    private static string DescribePorts(SocketEndpoint source, SocketEndpoint destination, TransportProtocol protocol, Func<string?> portRange)
    {
        string[] range = portRange()?.Split('\t') ?? [];
        string all = range is [var first, var last] && int.TryParse(first, out int from) && int.TryParse(last, out int to)
            ? $"all {to - from + 1} of {source.ToIPEndPoint().Address} (net.ipv4.ip_local_port_range: {from} to {to})"
            : $"all of {source.ToIPEndPoint().Address}";
        string more = range is ["1024", "65535"] ? "" : ", or have more ports, on the node: sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"";
        return $"no source port is left for {destination.ToIPEndPoint()}/{protocol}: {all} are in use, and new connections are turned away; "
            + $"give some of the clients a second router with another address{more}";
    }

    private sealed class Met
    {
        internal volatile string? Text;
        internal long At;
    }
}
