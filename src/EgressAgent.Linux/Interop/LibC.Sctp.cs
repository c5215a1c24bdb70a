using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

// linux/sctp.h
internal static unsafe partial class LibC
{
    internal const int SCTP_INITMSG = 2;
    internal const int SCTP_NODELAY = 3;
    internal const int SCTP_STATUS = 14;
    internal const int SCTP_RECVRCVINFO = 32;

    // Types of control messages.
    internal const int SCTP_SNDINFO = 2;

    internal const ushort SCTP_UNORDERED = 1;

    internal const int MSG_EOR = 0x80;

    [StructLayout(LayoutKind.Sequential)]
    internal struct SctpInitMsg
    {
        internal ushort sinit_num_ostreams;
        internal ushort sinit_max_instreams;
        internal ushort sinit_max_attempts;
        internal ushort sinit_max_init_timeo;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct SctpSndInfo
    {
        internal ushort snd_sid;
        internal ushort snd_flags;
        internal uint snd_ppid;
        internal uint snd_context;
        internal int snd_assoc_id;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct SctpRcvInfo
    {
        internal ushort rcv_sid;
        internal ushort rcv_ssn;
        internal ushort rcv_flags;
        internal uint rcv_ppid;
        internal uint rcv_tsn;
        internal uint rcv_cumtsn;
        internal uint rcv_context;
        internal int rcv_assoc_id;
    }

    // struct sctp_status ends in the primary path's struct sctp_paddrinfo: 152 bytes that nobody here reads.
    [StructLayout(LayoutKind.Sequential, Size = 176)]
    internal struct SctpStatus
    {
        internal int sstat_assoc_id;
        internal int sstat_state;
        internal uint sstat_rwnd;
        internal ushort sstat_unackdata;
        internal ushort sstat_penddata;
        internal ushort sstat_instrms;
        internal ushort sstat_outstrms;
        internal uint sstat_fragmentation_point;
    }

    // ssize_t sendmsg(int sockfd, const struct msghdr *msg, int flags);
    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint sendmsg(int sockfd, MsgHdr* msg, int flags);
}
