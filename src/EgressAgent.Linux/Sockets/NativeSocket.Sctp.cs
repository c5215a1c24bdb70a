using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Sockets;

// One-to-one style SCTP sockets, RFC 6458 section 4: each is one association, with calls as those of TCP.
public static unsafe partial class NativeSocket
{
    public static IoResult OpenSctp(in SocketEndpoint family) => Open(family, LibC.SOCK_STREAM, LibC.IPPROTO_SCTP);

    /// <summary>Why the kernel has no SCTP sockets; success when it has.</summary>
    public static Errno ProbeSctp()
    {
        int socket = LibC.socket(LibC.AF_INET, LibC.SOCK_STREAM | LibC.SOCK_CLOEXEC, LibC.IPPROTO_SCTP);
        if (socket < 0)
        {
            return Errno.Last;
        }

        Close(socket);
        return Errno.Success;
    }

    public static Errno SetSctpNoDelay(int socket) => Set(socket, LibC.IPPROTO_SCTP, LibC.SCTP_NODELAY, 1);

    /// <summary><see cref="ReceiveMessage"/> then says which stream and payload protocol a message has.</summary>
    public static Errno SetReceiveMessageInfo(int socket) => Set(socket, LibC.IPPROTO_SCTP, LibC.SCTP_RECVRCVINFO, 1);

    /// <summary>What associations to come ask for; the peer may give fewer.</summary>
    /// <param name="socket">Not associated yet; what a listener accepts inherits it.</param>
    /// <param name="outbound">Streams to the peer.</param>
    /// <param name="inbound">The most streams that the peer may have.</param>
    public static Errno SetSctpStreams(int socket, ushort outbound, ushort inbound)
    {
        var streams = new LibC.SctpInitMsg { sinit_num_ostreams = outbound, sinit_max_instreams = inbound };
        return LibC.setsockopt(socket, LibC.IPPROTO_SCTP, LibC.SCTP_INITMSG, &streams, (uint)sizeof(LibC.SctpInitMsg)) == 0
            ? Errno.Success
            : Errno.Last;
    }

    /// <summary>The streams that an association has.</summary>
    public static Errno GetSctpStreams(int socket, out ushort outbound, out ushort inbound)
    {
        LibC.SctpStatus status = default;
        uint length = (uint)sizeof(LibC.SctpStatus);
        int result = LibC.getsockopt(socket, LibC.IPPROTO_SCTP, LibC.SCTP_STATUS, &status, &length);
        (outbound, inbound) = (status.sstat_outstrms, status.sstat_instrms);
        return result == 0 ? Errno.Success : Errno.Last;
    }

    /// <summary>Reads a message, or the next part of one that is longer than the buffer or not here entirely yet.</summary>
    /// <param name="socket">With <see cref="SetReceiveMessageInfo"/>.</param>
    /// <param name="buffer">Takes it.</param>
    /// <param name="length">Of the buffer.</param>
    /// <param name="info">The message's.</param>
    /// <param name="isEnd">Whether the message ends here.</param>
    /// <returns>The bytes read; 0 when the peer has shut the association down.</returns>
    public static IoResult ReceiveMessage(int socket, byte* buffer, int length, out SctpMessageInfo info, out bool isEnd)
    {
        ControlMessage<LibC.SctpRcvInfo> control = default;
        var vector = new LibC.IoVec { iov_base = buffer, iov_len = (nuint)length };
        var message = new LibC.MsgHdr
        {
            msg_iov = &vector,
            msg_iovlen = 1,
            msg_control = &control,
            msg_controllen = (nuint)sizeof(ControlMessage<LibC.SctpRcvInfo>),
        };
        var received = IoResult.From(LibC.recvmsg(socket, &message, LibC.MSG_DONTWAIT));
        info = new SctpMessageInfo(
            control.Data.rcv_sid, control.Data.rcv_ppid, (control.Data.rcv_flags & LibC.SCTP_UNORDERED) != 0);
        isEnd = (message.msg_flags & LibC.MSG_EOR) != 0;
        return received;
    }

    /// <summary>Sends a message whole, or none of it.</summary>
    public static IoResult SendMessage(int socket, byte* buffer, int length, in SctpMessageInfo info)
    {
        var control = new ControlMessage<LibC.SctpSndInfo>
        {
            Header = new LibC.CMsgHdr
            {
                cmsg_len = (nuint)(sizeof(LibC.CMsgHdr) + sizeof(LibC.SctpSndInfo)),
                cmsg_level = LibC.IPPROTO_SCTP,
                cmsg_type = LibC.SCTP_SNDINFO,
            },
            Data = new LibC.SctpSndInfo
            {
                snd_sid = info.Stream,
                snd_ppid = info.PayloadProtocol,
                snd_flags = info.IsUnordered ? LibC.SCTP_UNORDERED : (ushort)0,
            },
        };
        var vector = new LibC.IoVec { iov_base = buffer, iov_len = (nuint)length };
        var message = new LibC.MsgHdr
        {
            msg_iov = &vector,
            msg_iovlen = 1,
            msg_control = &control,
            msg_controllen = (nuint)sizeof(ControlMessage<LibC.SctpSndInfo>),
        };
        return IoResult.From(LibC.sendmsg(socket, &message, LibC.MSG_DONTWAIT | LibC.MSG_NOSIGNAL));
    }

    // Room for one control message, rounded up as CMSG_SPACE does since the header's first field has the size of a word.
    private struct ControlMessage<T>
        where T : unmanaged
    {
        internal LibC.CMsgHdr Header;
        internal T Data;
    }
}

/// <summary>What an SCTP message carries besides its bytes, RFC 6458 sections 5.3.4 and 5.3.5.</summary>
/// <param name="Stream">The stream that it belongs to.</param>
/// <param name="PayloadProtocol">The payload protocol identifier as it is on the wire, so in network order.</param>
/// <param name="IsUnordered">It may overtake others of its stream.</param>
public readonly record struct SctpMessageInfo(ushort Stream, uint PayloadProtocol, bool IsUnordered);
