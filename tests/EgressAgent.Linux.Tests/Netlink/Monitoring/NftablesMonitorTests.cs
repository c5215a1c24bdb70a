using EgressAgent.Linux.Netlink.Monitoring;
using EgressAgent.Linux.Nftables;
using EgressAgent.Linux.Tests.Support;

namespace EgressAgent.Linux.Tests.Netlink.Monitoring;

public sealed class NftablesMonitorTests : IDisposable
{
    // PROC_PID_INIT_INO of linux/proc_ns.h
    private static bool IsInInitialPidNamespace => File.ResolveLinkTarget("/proc/self/ns/pid", returnFinalTarget: false)!.Name == "pid:[4026531836]";

    private readonly ScratchNetns _netns = ScratchNetns.Create();

    public void Dispose() => _netns.Dispose();

    [Fact]
    public void Every_transaction_is_told_once_with_who_made_it()
    {
        using NftablesMonitor monitor = NftablesMonitor.Open(_netns.Namespace);
        using NftContext nft = NftContext.Open(_netns.Namespace);

        nft.Run("add table inet a; add chain inet a b; add set inet a s { type inet_service; elements = { 1, 2, 3 }; }");
        NftablesNotification own = Assert.Single(monitor.Read());
        _netns.Exec("nft", "delete", "table", "inet", "a");
        NftablesNotification foreign = Assert.Single(monitor.Read());

        // The kernel gives the id that the initial PID namespace knows, which a process in another one cannot look up.
        Assert.Contains(ThreadNamespace.ListOwn(), thread => IsInInitialPidNamespace ? thread.ThreadId == own.ThreadId : thread.Name == own.ThreadName);
        Assert.Equal("nft", foreign.ThreadName);
        Assert.NotEqual(own.ThreadId, foreign.ThreadId);
        Assert.Equal(own.Generation + 1, foreign.Generation);
        Assert.NotEqual(own.PortId, foreign.PortId);
        Assert.False(own.IsOverrun);
    }

    [Fact]
    public void Refused_transaction_and_listings_are_not_told()
    {
        using NftablesMonitor monitor = NftablesMonitor.Open(_netns.Namespace);
        using NftContext nft = NftContext.Open(_netns.Namespace);

        nft.RunText("list ruleset");
        Assert.Throws<LinuxException>(() => nft.Run("add table inet a; delete chain inet a absent"));

        Assert.Empty(monitor.Read());
    }
}
