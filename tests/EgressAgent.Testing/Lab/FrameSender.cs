using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace EgressAgent.Testing.Lab;

/// <summary>Sends whole Ethernet frames by one link of a host, past everything that the host itself would do with them.</summary>
public sealed class FrameSender : IDisposable
{
    private readonly Socket _socket;

    private FrameSender(Socket socket, PhysicalAddress mac)
    {
        _socket = socket;
        Mac = mac;
    }

    /// <summary>The MAC of the link.</summary>
    public PhysicalAddress Mac { get; }

    /// <summary>False when the frame was not taken: the link is down or away, or its queue full.</summary>
    public bool TrySend(byte[] frame)
    {
        _socket.Send(frame, 0, frame.Length, SocketFlags.None, out SocketError error);
        return error == SocketError.Success;
    }

    public void Dispose() => _socket.Dispose();

    internal static FrameSender Open(LabHost host, string link)
    {
        LinkEndPoint local = new(host.LinkIndex(link));
        Socket socket = host.CreateSocket(AddressFamily.Packet, SocketType.Raw, 0);
        socket.Blocking = false;
        socket.Bind(local);
        return new FrameSender(socket, host.MacOf(link));
    }
}
