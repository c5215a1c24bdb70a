using System.Collections.Concurrent;
using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Testing.Lab;

namespace EgressAgent.Testing.Failover;

/// <summary>Records what the nodes of a LAN send by one MAC or for one address, with the times at which the LAN's switch had it.</summary>
public sealed class SenderWatch : IDisposable
{
    private readonly StampedSocket _socket;
    private readonly ConcurrentDictionary<int, int> _nodeOfPort = new();
    private IPAddress? _address;
    private PhysicalAddress? _mac;

    private SenderWatch(StampedSocket socket) => _socket = socket;

    internal static SenderWatch Start(LabSegment lan) => new(StampedSocket.Open(lan));

    internal void Add(LabSegment lan, LabHost host, int node) => _nodeOfPort[lan.PortIndexOf(host)] = node;

    internal void Watch(IPAddress address, PhysicalAddress mac)
    {
        Take();
        (_address, _mac) = (address, mac);
    }

    /// <summary>The frames since the last call, in order.</summary>
    public IReadOnlyList<SentFrame> Take()
    {
        List<SentFrame> frames = [];
        while (_socket.TryReceive(out ReadOnlySpan<byte> bytes, out int port, out long nanoseconds))
        {
            if (bytes.Length >= 14 && _nodeOfPort.TryGetValue(port, out int node)
                && CapturedPacket.Parse(bytes) is var packet && (packet.SourceMac.Equals(_mac) || packet.Source?.Equals(_address) == true))
            {
                frames.Add(new SentFrame(nanoseconds, node));
            }
        }

        if (_socket.ReadDrops() is > 0 and var lost)
        {
            throw new InvalidOperationException($"The watch lost {lost} frames.");
        }

        return frames;
    }

    public void Dispose() => _socket.Dispose();
}
