using System.Runtime.InteropServices;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Sockets;

public sealed unsafe partial class DatagramBatch
{
    /// <summary>A limit for <see cref="Forward(int, ref DatagramRange, ref int)"/> that joins whatever can be joined.</summary>
    public const int JoinAll = int.MaxValue;

    /// <summary>A limit for <see cref="Forward(int, ref DatagramRange, ref int)"/> with which each datagram is sent by itself.</summary>
    public const int JoinNone = 0;

    // UDP_MAX_SEGMENTS of the older kernels, and the largest payload of an IPv6 packet, which is less than that of IPv4.
    private const int MaxSegments = 64;
    private const int MaxPayload = 65535 - 40 - 8;

    private const int OutgoingMessages = 64;
    private const int OutgoingVectors = 128;

    private LibC.MMsgHdr* _outgoing;
    private LibC.IoVec* _pieces;
    private SegmentControl* _segments;
    private DatagramRange* _rests;

    /// <summary>
    /// Sends datagrams on through a connected socket. Neighbours of one size, and a shorter one after them, leave as one message,
    /// which the kernel takes apart as late as it can (UDP_SEGMENT): the way through the network stack is gone once for all.
    /// </summary>
    /// <param name="socket">A connected UDP socket.</param>
    /// <param name="range">What to send; what was taken is left out then.</param>
    /// <param name="limit">
    /// The largest datagrams that are joined, in bytes. It sinks where the kernel refuses to take such ones apart, as it does when
    /// they do not fit the path MTU; they are sent one by one then and fragmented if need be.
    /// </param>
    /// <returns>How many bytes of payload were taken; the error is that of the first datagram.</returns>
    public IoResult Forward(int socket, ref DatagramRange range, ref int limit) => Send(socket, ref range, ref limit, null);

    /// <summary>The same, to one address.</summary>
    public IoResult Forward(int socket, ref DatagramRange range, ref int limit, in SocketEndpoint destination)
    {
        fixed (SocketEndpoint* name = &destination)
        {
            return Send(socket, ref range, ref limit, name);
        }
    }

    private IoResult Send(int socket, ref DatagramRange range, ref int limit, SocketEndpoint* destination)
    {
        IoResult sent = SendGathered(socket, range, limit, destination);
        if (sent.IsError && _outgoing->msg_hdr.msg_control is not null && IsRefusal(sent.Errno))
        {
            limit = _segments->Size - 1;
            sent = SendGathered(socket, range, limit, destination);
        }

        if (sent.IsError)
        {
            return sent;
        }

        int bytes = 0;
        for (int index = 0; index < sent.Value; index++)
        {
            bytes += (int)_outgoing[index].msg_len;
        }

        range = _rests[sent.Value - 1];
        return IoResult.Success(bytes);
    }

    private IoResult SendGathered(int socket, DatagramRange range, int limit, SocketEndpoint* destination)
    {
        int count = Gather(range, limit, destination);
        return IoResult.From(LibC.sendmmsg(socket, _outgoing, (uint)count, LibC.MSG_DONTWAIT | LibC.MSG_NOSIGNAL));
    }

    // Larger than the path MTU (older kernels: EINVAL); a device that computes no checksums, or IPsec (EIO).
    private static bool IsRefusal(Errno errno) => errno == Errno.EMSGSIZE || errno == Errno.EINVAL || errno == Errno.EIO;

    private int Gather(DatagramRange range, int limit, SocketEndpoint* destination)
    {
        int count = 0;
        int vectors = 0;
        for (; count < OutgoingMessages && vectors < OutgoingVectors && !range.IsEmpty; count++)
        {
            ref LibC.MsgHdr header = ref _outgoing[count].msg_hdr;
            header.msg_name = destination;
            header.msg_namelen = destination is null ? 0 : destination->Length;
            header.msg_iov = _pieces + vectors;
            int segments = Join(ref range, limit, ref vectors, out int size);
            header.msg_iovlen = (nuint)(_pieces + vectors - header.msg_iov);
            _segments[count].Size = (ushort)size;
            header.msg_control = segments > 1 ? _segments + count : null;
            header.msg_controllen = segments > 1 ? (nuint)sizeof(SegmentControl) : 0;
            _rests[count] = range;
        }

        return count;
    }

    // Takes one message's worth from the range.
    private int Join(ref DatagramRange range, int limit, ref int vectors, out int size)
    {
        size = SegmentSize(range.Index);
        int segments = 0;
        int room = size > 0 && size <= limit ? Math.Clamp(MaxPayload / size, 1, MaxSegments) : 1;
        bool isWhole = true;
        while (isWhole && segments < room && vectors < OutgoingVectors && !range.IsEmpty && Continues(range.Index, size))
        {
            int rest = Length(range.Index) - range.Offset;
            int bytes = (int)Math.Min(rest, (long)size * (room - segments));
            _pieces[vectors].iov_base = (byte*)_vectors[range.Index].iov_base + range.Offset;
            _pieces[vectors++].iov_len = (nuint)bytes;
            segments += size == 0 ? 1 : (bytes + size - 1) / size;
            isWhole = size > 0 && bytes % size == 0;
            range.Offset += bytes;
            if (range.Offset == Length(range.Index))
            {
                range.Index++;
                range.Offset = 0;
            }
        }

        return segments;
    }

    // Whether a message goes on in datagrams of the size, or is one that can be the last of them.
    private bool Continues(int index, int size)
    {
        int own = SegmentSize(index);
        return own == size || (own > 0 && own < size && own == Length(index));
    }

    private void AllocateOutgoing()
    {
        _outgoing = (LibC.MMsgHdr*)NativeMemory.AllocZeroed(OutgoingMessages, (nuint)sizeof(LibC.MMsgHdr));
        _pieces = (LibC.IoVec*)NativeMemory.AllocZeroed(OutgoingVectors, (nuint)sizeof(LibC.IoVec));
        _segments = (SegmentControl*)NativeMemory.AllocZeroed(OutgoingMessages, (nuint)sizeof(SegmentControl));
        _rests = (DatagramRange*)NativeMemory.AllocZeroed(OutgoingMessages, (nuint)sizeof(DatagramRange));
        for (int index = 0; index < OutgoingMessages; index++)
        {
            _segments[index].Header = new LibC.CMsgHdr
            {
                cmsg_len = (nuint)sizeof(LibC.CMsgHdr) + sizeof(ushort),
                cmsg_level = LibC.IPPROTO_UDP,
                cmsg_type = LibC.UDP_SEGMENT,
            };
        }
    }

    private void FreeOutgoing()
    {
        NativeMemory.Free(_outgoing);
        NativeMemory.Free(_pieces);
        NativeMemory.Free(_segments);
        NativeMemory.Free(_rests);
        _outgoing = null;
        _pieces = null;
        _segments = null;
        _rests = null;
    }

    // A control message, padded as CMSG_SPACE does.
    [StructLayout(LayoutKind.Sequential, Size = 24)]
    private struct SegmentControl
    {
        internal LibC.CMsgHdr Header;
        internal ushort Size;
    }
}
