using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Linux.Netlink.Monitoring;
using EgressAgent.Linux.Nftables;
using EgressAgent.Linux.Tests.Support;

namespace EgressAgent.Linux.Tests.Netlink.Monitoring;

public sealed class ConntrackMonitorTests : IDisposable
{
    private readonly ScratchNetns _netns = ScratchNetns.Create();

    public ConntrackMonitorTests()
    {
        _netns.Up("lo");
        Sysctl.Set(_netns.Namespace, "net/netfilter/nf_conntrack_acct", 1);
        Sysctl.Set(_netns.Namespace, "net/netfilter/nf_conntrack_events", 1);
        using NftContext nft = NftContext.Open(_netns.Namespace);
        nft.Run("table inet t { chain c { type filter hook output priority 0; ct state new counter; }; }");
    }

    [Fact]
    public void Flow_that_ends_is_told_once_with_what_it_carried()
    {
        using ConntrackTable table = ConntrackTable.Open(_netns.Namespace);
        Send("1000", bytes: 1);
        using ConntrackMonitor monitor = ConntrackMonitor.Open(_netns.Namespace);
        Send("1001", bytes: 100);
        Assert.Empty(monitor.Read());

        table.Flush();

        List<ConntrackEnd> ends = [];
        EgressAgent.Testing.Eventually.True("both ends", () => Read(monitor, ends) == 2);
        Assert.Equal([new ConntrackCounters(1, 29), new ConntrackCounters(1, 128)], ends.Select(end => end.Flow!.OriginalCounters!.Value).OrderBy(counters => counters.Bytes));
        Assert.Empty(table.GetFlows());
        Assert.Empty(monitor.Read());
    }

    [Fact]
    public void Flows_that_end_all_at_once_are_all_told()
    {
        const int Count = 2_000;
        using ConntrackTable table = ConntrackTable.Open(_netns.Namespace);
        using ConntrackMonitor monitor = ConntrackMonitor.Open(_netns.Namespace);
        Send($"{{1..{Count}}}", bytes: 1);

        table.Flush();

        List<ConntrackEnd> ends = [];
        EgressAgent.Testing.Eventually.True("all ends", () => Read(monitor, ends) >= Count);
        Assert.Equal(Count, ends.Select(end => end.Flow!.Original.DestinationPort).Distinct().Count());
    }

    public void Dispose() => _netns.Dispose();

    private static int Read(ConntrackMonitor monitor, List<ConntrackEnd> ends)
    {
        ends.AddRange(monitor.Read());
        return ends.Count;
    }

    // One datagram to each of the ports.
    private void Send(string ports, int bytes) =>
        _netns.Exec("bash", "-c", $"for port in {ports}; do printf '%{bytes}s' '' >/dev/udp/127.0.0.1/$port; done");
}
