using System.Runtime.InteropServices;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Sockets;

/// <summary>
/// Datagrams received by one recvmmsg(2) and sent on by sendmmsg(2) from the same memory. A message is one datagram or, from a
/// socket with <see cref="NativeSocket.SetReceiveCoalesced"/>, several of one size, of which the last may be shorter. One
/// thread; what a <see cref="Receive"/> brought is valid until the next one.
/// </summary>
public sealed unsafe partial class DatagramBatch : IDisposable
{
    // The largest UDP payload is 65,507 bytes. Pages that no datagram reaches are never made resident.
    private const int BufferSize = 65536;
    private const int ControlSize = 64;

    private readonly int _capacity;
    private LibC.MMsgHdr* _messages;
    private LibC.IoVec* _vectors;
    private SocketEndpoint* _names;
    private byte* _controls;
    private byte* _buffers;

    public DatagramBatch(int capacity)
    {
        _capacity = capacity;
        _messages = (LibC.MMsgHdr*)NativeMemory.AllocZeroed((nuint)capacity, (nuint)sizeof(LibC.MMsgHdr));
        _vectors = (LibC.IoVec*)NativeMemory.AllocZeroed((nuint)capacity, (nuint)sizeof(LibC.IoVec));
        _names = (SocketEndpoint*)NativeMemory.AllocZeroed((nuint)capacity, (nuint)sizeof(SocketEndpoint));
        _controls = (byte*)NativeMemory.AllocZeroed((nuint)capacity, ControlSize);
        _buffers = (byte*)NativeMemory.Alloc((nuint)capacity, BufferSize);
        for (int index = 0; index < capacity; index++)
        {
            _vectors[index].iov_base = _buffers + (index * BufferSize);
            _vectors[index].iov_len = BufferSize;
            _messages[index].msg_hdr.msg_name = &_names[index];
            _messages[index].msg_hdr.msg_iov = &_vectors[index];
            _messages[index].msg_hdr.msg_iovlen = 1;
            _messages[index].msg_hdr.msg_control = _controls + (index * ControlSize);
        }

        AllocateOutgoing();
    }

    /// <summary>Takes what the socket holds, up to the capacity.</summary>
    /// <param name="socket">A UDP socket.</param>
    /// <returns>How many messages there are.</returns>
    public IoResult Receive(int socket)
    {
        for (int index = 0; index < _capacity; index++)
        {
            ref LibC.MsgHdr header = ref _messages[index].msg_hdr;
            header.msg_namelen = (uint)sizeof(SocketEndpoint);
            header.msg_controllen = ControlSize;
        }

        return IoResult.From(LibC.recvmmsg(socket, _messages, (uint)_capacity, LibC.MSG_DONTWAIT, null));
    }

    /// <summary>Where the message came from.</summary>
    public SocketEndpoint Peer(int index) => _names[index];

    /// <summary>Where the datagram was sent to; all zero unless the socket asked for it.</summary>
    public SocketEndpoint OriginalDestination(int index)
    {
        SocketEndpoint destination = default;
        LibC.CMsgHdr* control = Control(index, LibC.IPPROTO_IP, LibC.IP_RECVORIGDSTADDR);
        control = control is null ? Control(index, LibC.IPPROTO_IPV6, LibC.IPV6_RECVORIGDSTADDR) : control;
        if (control is not null)
        {
            // The kernel writes a whole sockaddr_in (16 bytes) or sockaddr_in6 (28) after the header.
            nuint length = Math.Min(control->cmsg_len - (nuint)sizeof(LibC.CMsgHdr), (nuint)sizeof(SocketEndpoint));
            NativeMemory.Copy(control + 1, &destination, length);
        }

        return destination;
    }

    public void Dispose()
    {
        NativeMemory.Free(_messages);
        NativeMemory.Free(_vectors);
        NativeMemory.Free(_names);
        NativeMemory.Free(_controls);
        NativeMemory.Free(_buffers);
        _messages = null;
        _vectors = null;
        _names = null;
        _controls = null;
        _buffers = null;
        FreeOutgoing();
    }

    /// <summary>How many datagrams of a range are still to be sent.</summary>
    public int Count(DatagramRange range)
    {
        int count = 0;
        for (int index = range.Index, offset = range.Offset; index < range.End; index++, offset = 0)
        {
            int size = SegmentSize(index);
            count += size == 0 ? 1 : (Length(index) - offset + size - 1) / size;
        }

        return count;
    }

    private int Length(int index) => (int)_messages[index].msg_len;

    // The size in bytes of all its datagrams but the last.
    private int SegmentSize(int index)
    {
        LibC.CMsgHdr* control = Control(index, LibC.IPPROTO_UDP, LibC.UDP_GRO);
        return control is null ? Length(index) : *(int*)(control + 1);
    }

    // No socket has asked for more than one kind of control message.
    private LibC.CMsgHdr* Control(int index, int level, int type)
    {
        ref LibC.MsgHdr header = ref _messages[index].msg_hdr;
        var control = (LibC.CMsgHdr*)header.msg_control;
        return header.msg_controllen > (nuint)sizeof(LibC.CMsgHdr) && control->cmsg_level == level && control->cmsg_type == type
            ? control
            : null;
    }
}

/// <summary>Messages of a <see cref="DatagramBatch"/> that are still to be sent, all of them to one place.</summary>
public struct DatagramRange
{
    /// <param name="first">The first message.</param>
    /// <param name="count">How many there are.</param>
    public DatagramRange(int first, int count)
    {
        Index = first;
        End = first + count;
    }

    /// <summary>Whether all is sent.</summary>
    public readonly bool IsEmpty => Index == End;

    /// <summary>The message that is next, of which <see cref="Offset"/> bytes are sent.</summary>
    internal int Index { get; set; }

    internal int Offset { get; set; }

    internal int End { get; }
}
