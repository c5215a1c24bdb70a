using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace EgressAgent.Testing.Lab;

/// <summary>A link, for packet sockets (packet(7)): struct sockaddr_ll.</summary>
internal sealed class LinkEndPoint(int index) : EndPoint
{
    private const short AllProtocols = 0x0003;

    public override AddressFamily AddressFamily => AddressFamily.Packet;

    // Family, protocol (network order), ifindex, then eight fields that bind(2) ignores.
    public override SocketAddress Serialize()
    {
        SocketAddress address = new(AddressFamily.Packet, 20);
        BinaryPrimitives.WriteInt16BigEndian(address.Buffer.Span[2..], AllProtocols);
        BitConverter.TryWriteBytes(address.Buffer.Span[4..], index);
        return address;
    }
}
