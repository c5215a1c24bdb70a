using System.Runtime.InteropServices;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Sockets;

/// <summary>
/// Datagrams received by one recvmmsg(2) and sent on by sendmmsg(2) from the same memory. One thread; what a
/// <see cref="Receive"/> brought is valid until the next one.
/// </summary>
public sealed unsafe class DatagramBatch : IDisposable
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
            _messages[index].msg_hdr.msg_iov = &_vectors[index];
            _messages[index].msg_hdr.msg_iovlen = 1;
        }
    }

    /// <summary>Takes what the socket holds, up to the capacity.</summary>
    /// <param name="socket">A UDP socket.</param>
    /// <param name="withDestination">Whether <see cref="OriginalDestination"/> is wanted.</param>
    public IoResult Receive(int socket, bool withDestination = false)
    {
        for (int index = 0; index < _capacity; index++)
        {
            _vectors[index].iov_len = BufferSize;
            ref LibC.MsgHdr header = ref _messages[index].msg_hdr;
            header.msg_name = &_names[index];
            header.msg_namelen = (uint)sizeof(SocketEndpoint);
            header.msg_control = withDestination ? _controls + (index * ControlSize) : null;
            header.msg_controllen = withDestination ? ControlSize : 0u;
        }

        return IoResult.From(LibC.recvmmsg(socket, _messages, (uint)_capacity, LibC.MSG_DONTWAIT, null));
    }

    /// <summary>Where the datagram came from.</summary>
    public SocketEndpoint Peer(int index) => _names[index];

    /// <summary>The payload's length in bytes.</summary>
    public int Length(int index) => (int)_messages[index].msg_len;

    /// <summary>Where the datagram was sent to; all zero unless the socket and the <see cref="Receive"/> asked for it.</summary>
    public SocketEndpoint OriginalDestination(int index)
    {
        ref LibC.MsgHdr header = ref _messages[index].msg_hdr;
        var control = (LibC.CMsgHdr*)header.msg_control;
        bool present = header.msg_controllen >= (nuint)sizeof(LibC.CMsgHdr)
            && ((control->cmsg_level == LibC.IPPROTO_IP && control->cmsg_type == LibC.IP_RECVORIGDSTADDR)
                || (control->cmsg_level == LibC.IPPROTO_IPV6 && control->cmsg_type == LibC.IPV6_RECVORIGDSTADDR));
        if (!present)
        {
            return default;
        }

        // The kernel writes a whole sockaddr_in (16 bytes) or sockaddr_in6 (28) after the header.
        SocketEndpoint destination = default;
        nuint length = Math.Min(control->cmsg_len - (nuint)sizeof(LibC.CMsgHdr), (nuint)sizeof(SocketEndpoint));
        NativeMemory.Copy(control + 1, &destination, length);
        return destination;
    }

    /// <summary>Sends received datagrams on through a connected socket.</summary>
    /// <returns>How many of them were taken; the error is that of the first one.</returns>
    public IoResult Forward(int socket, int first, int count) => Send(socket, first, count, null);

    /// <summary>Sends received datagrams on to one address.</summary>
    /// <returns>How many of them were taken; the error is that of the first one.</returns>
    public IoResult Forward(int socket, int first, int count, in SocketEndpoint destination)
    {
        fixed (SocketEndpoint* name = &destination)
        {
            return Send(socket, first, count, name);
        }
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
    }

    private IoResult Send(int socket, int first, int count, SocketEndpoint* destination)
    {
        for (int index = first; index < first + count; index++)
        {
            _vectors[index].iov_len = _messages[index].msg_len;
            ref LibC.MsgHdr header = ref _messages[index].msg_hdr;
            header.msg_name = destination;
            header.msg_namelen = destination is null ? 0 : destination->Length;
            header.msg_control = null;
            header.msg_controllen = 0;
        }

        return IoResult.From(LibC.sendmmsg(socket, _messages + first, (uint)count, LibC.MSG_DONTWAIT | LibC.MSG_NOSIGNAL));
    }
}
