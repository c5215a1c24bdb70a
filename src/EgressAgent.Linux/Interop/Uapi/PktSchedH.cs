namespace EgressAgent.Linux.Interop.Uapi;

/// <summary>linux/pkt_sched.h, linux/pkt_cls.h, and TCA_* of linux/rtnetlink.h.</summary>
internal static class PktSchedH
{
    internal const uint TC_H_CLSACT = 0xfffffff1;
    internal const uint TC_H_CLSACT_MAJOR = 0xffff0000;

    // TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)
    internal const uint TC_H_CLSACT_EGRESS = 0xfffffff3;

    internal const ushort TCA_KIND = 1;
    internal const ushort TCA_OPTIONS = 2;
    internal const ushort TCA_CHAIN = 11;

    internal const ushort TCA_BPF_FD = 6;
    internal const ushort TCA_BPF_NAME = 7;
    internal const ushort TCA_BPF_FLAGS = 8;
    internal const ushort TCA_BPF_ID = 11;

    internal const uint TCA_BPF_FLAG_ACT_DIRECT = 1;
}
