using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Tests.Support;

namespace EgressAgent.Linux.Tests.Namespaces;

/// <summary>Texts are as Linux 6.18 prints them, in part.</summary>
public sealed class SocketDropsTests
{
    private const string Snmp = """
        Icmp: InMsgs InErrors
        Icmp: 7 8
        Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors
        Udp: 100 1 2 3 40 5 6 7 8
        UdpLite: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors
        UdpLite: 9 9 9 9 9 9 9 9 9
        """;

    private const string Snmp6 = "Udp6InErrors                    \t9\nUdp6RcvbufErrors                \t300\nUdp6MemErrors                   \t1000\nUdpLite6RcvbufErrors            \t9\n";

    private const string Netstat = """
        TcpExt: SyncookiesSent ListenOverflows ListenDrops
        TcpExt: 9 5 6
        IpExt: InNoRoutes ListenDrops
        IpExt: 9 9
        """;

    [Fact]
    public void Those_of_both_families_count_together() => Assert.Equal(new SocketDrops(1348, 6), SocketDrops.Parse(Snmp, Snmp6, Netstat));

    [Fact]
    public void What_a_kernel_does_not_count_is_none()
    {
        Assert.Equal(new SocketDrops(40, 0), SocketDrops.Parse("Udp: InDatagrams RcvbufErrors\nUdp: 1 40\n", "", ""));
        Assert.Equal(new SocketDrops(0, 0), SocketDrops.Parse("Udp: RcvbufErrors MemErrors\nUdp: x\n", "Udp6RcvbufErrors", "TcpExt: ListenDrops\n"));
    }

    [Fact]
    public void Namespace_that_is_new_has_dropped_nothing()
    {
        using var netns = ScratchNetns.Create();

        Assert.Equal(default, SocketDrops.Read(netns.Namespace));
    }
}
