using System.Net.Sockets;

namespace EgressAgent.Testing.Lab;

/// <summary>
/// Records what crosses one link (packet(7)). The kernel queues a frame here before it delivers it, so once an exchange is over,
/// all its packets are there: no settling time is needed.
/// </summary>
public sealed class PacketCapture : IDisposable
{
    private const int SolSocket = 1;
    private const int SoReceiveBufferForce = 33;
    private const int SolPacket = 263;
    private const int PacketIgnoreOutgoing = 23;
    private const int QueueBytes = 64 << 20;

    private readonly Socket _socket;
    private readonly List<CapturedPacket> _packets = [];
    private readonly byte[] _frame = new byte[65536];

    private PacketCapture(Socket socket) => _socket = socket;

    /// <summary>Every packet since the start, or since <see cref="Clear"/>, in order.</summary>
    public IReadOnlyList<CapturedPacket> Packets
    {
        get
        {
            Drain();
            return _packets;
        }
    }

    /// <summary>Every packet since the start, or since the last call, in order. Forgets them.</summary>
    public IReadOnlyList<CapturedPacket> Take()
    {
        Drain();
        CapturedPacket[] taken = [.. _packets];
        _packets.Clear();
        return taken;
    }

    /// <summary>Forgets what was recorded so far.</summary>
    public void Clear()
    {
        Drain();
        _packets.Clear();
    }

    public void Dispose() => _socket.Dispose();

    // Without a link, what crosses any.
    internal static PacketCapture Start(LabHost host, string? link, bool isIncomingOnly = false)
    {
        int index = link is null ? 0 : host.LinkIndex(link);
        Socket socket = host.CreateSocket(AddressFamily.Packet, SocketType.Raw, 0, socket =>
        {
            socket.SetRawSocketOption(SolSocket, SoReceiveBufferForce, BitConverter.GetBytes(QueueBytes));
            if (isIncomingOnly)
            {
                socket.SetRawSocketOption(SolPacket, PacketIgnoreOutgoing, BitConverter.GetBytes(1));
            }

            socket.Bind(new LinkEndPoint(index));
        });
        socket.Blocking = false;
        return new PacketCapture(socket);
    }

    private void Drain()
    {
        while (true)
        {
            int length = _socket.Receive(_frame, SocketFlags.None, out SocketError error);
            if (error == SocketError.WouldBlock)
            {
                return;
            }

            _packets.Add(error == SocketError.Success
                ? CapturedPacket.Parse(_frame.AsSpan(0, length))
                : throw new SocketException((int)error));
        }
    }
}
