using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Interop.Uapi;

namespace EgressAgent.Linux.Tests.Interop;

/// <summary>Sizes as sizeof gives them in C on a 64-bit machine, and offsets of the last members.</summary>
public sealed class StructLayoutTests
{
    [Fact]
    public void Sizes_are_the_kernels()
    {
        Assert.Equal(16, Unsafe.SizeOf<NlMsgHdr>());
        Assert.Equal(12, Unsafe.SizeOf<SockAddrNl>());
        Assert.Equal(16, Unsafe.SizeOf<IfInfoMsg>());
        Assert.Equal(8, Unsafe.SizeOf<IfAddrMsg>());
        Assert.Equal(12, Unsafe.SizeOf<RtMsg>());
        Assert.Equal(8, Unsafe.SizeOf<RtNextHop>());
        Assert.Equal(1, Unsafe.SizeOf<RtGenMsg>());
        Assert.Equal(12, Unsafe.SizeOf<FibRuleHdr>());
        Assert.Equal(12, Unsafe.SizeOf<NdMsg>());
        Assert.Equal(4, Unsafe.SizeOf<NfGenMsg>());
        Assert.Equal(20, Unsafe.SizeOf<SockAddrLl>());
        Assert.Equal(28, Unsafe.SizeOf<SockAddrIn6>());
        Assert.Equal(20, Unsafe.SizeOf<IPv6MulticastRequest>());
        Assert.Equal(8, Unsafe.SizeOf<SockFilter>());
        Assert.Equal(16, Unsafe.SizeOf<SockFProg>());
        Assert.Equal(8, Unsafe.SizeOf<PollFd>());
        Assert.Equal(256, Unsafe.SizeOf<Statx>());
        Assert.Equal(8, Unsafe.SizeOf<LibC.WinSize>());
    }

    [Fact]
    public void Offsets_are_the_kernels()
    {
        Assert.Equal(12, Offset<NlMsgHdr>(nameof(NlMsgHdr.nlmsg_pid)));
        Assert.Equal(8, Offset<SockAddrNl>(nameof(SockAddrNl.nl_groups)));
        Assert.Equal(12, Offset<IfInfoMsg>(nameof(IfInfoMsg.ifi_change)));
        Assert.Equal(4, Offset<IfAddrMsg>(nameof(IfAddrMsg.ifa_index)));
        Assert.Equal(8, Offset<RtMsg>(nameof(RtMsg.rtm_flags)));
        Assert.Equal(4, Offset<RtNextHop>(nameof(RtNextHop.rtnh_ifindex)));
        Assert.Equal(7, Offset<FibRuleHdr>(nameof(FibRuleHdr.action)));
        Assert.Equal(8, Offset<NdMsg>(nameof(NdMsg.ndm_state)));
        Assert.Equal(11, Offset<NdMsg>(nameof(NdMsg.ndm_type)));
        Assert.Equal(12, Offset<SockAddrLl>(nameof(SockAddrLl.sll_addr)));
        Assert.Equal(24, Offset<SockAddrIn6>(nameof(SockAddrIn6.sin6_scope_id)));
        Assert.Equal(16, Offset<IPv6MulticastRequest>(nameof(IPv6MulticastRequest.ipv6mr_ifindex)));
        Assert.Equal(4, Offset<SockFilter>(nameof(SockFilter.k)));
        Assert.Equal(8, Offset<SockFProg>(nameof(SockFProg.filter)));
        Assert.Equal(140, Offset<Statx>(nameof(Statx.stx_dev_minor)));
    }

    private static int Offset<T>(string field)
        where T : struct => (int)Marshal.OffsetOf<T>(field);
}
