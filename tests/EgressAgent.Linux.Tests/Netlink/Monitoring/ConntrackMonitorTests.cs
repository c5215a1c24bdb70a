using System.Net;
using System.Net.Sockets;
using EgressAgent.Linux.Interop;
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

        List<ConntrackEvent> ends = [];
        EgressAgent.Testing.Eventually.True("both ends", () => Read(monitor, ends) == 2);
        Assert.Equal([new ConntrackCounters(1, 29), new ConntrackCounters(1, 128)], ends.Select(end => end.Flow!.OriginalCounters!.Value).OrderBy(counters => counters.Bytes));
        Assert.Empty(table.GetFlows());
        Assert.Empty(monitor.Read());
    }

    [Fact]
    public void Connection_is_told_as_it_comes_to_each_state()
    {
        using ConntrackTable table = ConntrackTable.Open(_netns.Namespace);
        using ConntrackMonitor monitor = ConntrackMonitor.OpenChanges(_netns.Namespace);
        using Socket listener = _netns.Namespace.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        using (Socket client = _netns.Namespace.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)))
        {
            client.Connect(listener.LocalEndPoint!);
            using Socket accepted = listener.Accept();
        }

        table.Flush();

        // SYN_SENT, SYN_RECV, ESTABLISHED, and some of the ends.
        List<ConntrackEvent> changes = [];
        EgressAgent.Testing.Eventually.True("its end", () => Read(monitor, changes) > 0 && !changes[^1].IsStart);
        Assert.Equal([1, 2, 3], changes.Take(3).Select(change => (int)change.Flow!.Connection!.Value.State));
        Assert.All(changes.SkipLast(1), change => Assert.True(change.IsStart));
        Assert.True(changes[2].Flow!.Status.HasFlag(ConntrackStatus.Assured));
        Assert.Single(changes.Select(change => change.Flow!.Id).Distinct());
    }

    [Fact]
    public void Flows_that_end_all_at_once_are_all_told()
    {
        const int Count = 2_000;
        using ConntrackTable table = ConntrackTable.Open(_netns.Namespace);
        using ConntrackMonitor monitor = ConntrackMonitor.Open(_netns.Namespace);
        Send($"{{1..{Count}}}", bytes: 1);

        table.Flush();

        List<ConntrackEvent> ends = [];
        EgressAgent.Testing.Eventually.True("all ends", () => Read(monitor, ends) >= Count);
        Assert.Equal(Count, ends.Select(end => end.Flow!.Original.DestinationPort).Distinct().Count());
    }

    [Fact]
    public void Ends_that_find_no_room_are_counted_and_the_next_ones_are_told()
    {
        const int Count = 2_000;
        const int Last = 3_000;
        using ConntrackTable table = ConntrackTable.Open(_netns.Namespace);

        // For some 800 of them.
        using ConntrackMonitor monitor = ConntrackMonitor.Open(_netns.Namespace, room: 512 * 1024);
        Send($"{{1..{Count}}}", bytes: 1);
        table.Flush();
        Assert.Empty(table.GetFlows());

        // A part of what has arrived. A socket that is told of its overrun gets nothing before all of that is read.
        List<ConntrackEvent> ends = [.. monitor.Read()];
        Send($"{Last}", bytes: 1);
        table.Flush();
        while (monitor.Read() is { Count: > 0 } more)
        {
            ends.AddRange(more);
        }

        uint lost = monitor.TakeLost();
        Assert.InRange(lost, 1u, Count - 1u);
        Assert.Equal(Count + 1, ends.Count + (int)lost);
        Assert.Equal((ushort?)Last, ends[^1].Flow!.Original.DestinationPort);
        Assert.Equal(0u, monitor.TakeLost());
        Assert.Equal(lost, monitor.Lost);
    }

    [Fact]
    public void Socket_that_was_kept_goes_on_with_what_has_happened_since()
    {
        using ConntrackTable table = ConntrackTable.Open(_netns.Namespace);
        using ConntrackMonitor before = ConntrackMonitor.Open(_netns.Namespace);
        using var kept = new FileHandle(NativeMethods.dup(before.Handle.Descriptor));
        before.Dispose();
        Send("1000", bytes: 1);
        table.Flush();

        using ConntrackMonitor after = ConntrackMonitor.Adopt(kept, _netns.Namespace, toldLost: 0);

        Assert.Equal((ushort?)1000, Assert.Single(after.Read()).Flow!.Original.DestinationPort);
        Assert.Equal(0u, after.TakeLost());
    }

    [Fact]
    public void End_that_nobody_has_taken_is_told_again()
    {
        using ConntrackTable table = ConntrackTable.Open(_netns.Namespace);
        using ConntrackMonitor monitor = ConntrackMonitor.Open(_netns.Namespace);
        Send("1000", bytes: 1);
        Send("1001", bytes: 1);
        table.Flush();
        List<ushort?> taken = [];

        // As if the process ended there.
        Assert.Throws<InvalidOperationException>(() => monitor.Read(told =>
        {
            if (taken.Count == 1)
            {
                throw new InvalidOperationException();
            }

            taken.Add(told.Flow!.Original.DestinationPort);
        }));
        monitor.Read(told => taken.Add(told.Flow!.Original.DestinationPort));

        Assert.Equal<ushort?>([1000, 1001], taken.Order());
        Assert.Empty(monitor.Read());
    }

    [Fact]
    public void Start_is_told_where_it_is_asked_for_and_times_are_the_kernel_s()
    {
        Sysctl.Set(_netns.Namespace, "net/netfilter/nf_conntrack_timestamp", 1);
        using ConntrackTable table = ConntrackTable.Open(_netns.Namespace);
        using ConntrackMonitor monitor = ConntrackMonitor.Open(_netns.Namespace);
        monitor.HearStarts(true);
        DateTimeOffset before = DateTimeOffset.UtcNow;
        Send("1000", bytes: 1);
        DateTimeOffset between = DateTimeOffset.UtcNow;
        table.Flush();
        DateTimeOffset after = DateTimeOffset.UtcNow;

        IReadOnlyList<ConntrackEvent> events = monitor.Read();

        Assert.Equal([true, false], events.Select(told => told.IsStart));
        ConntrackEntry end = events[1].Flow!;
        Assert.InRange(end.Start!.Value, before, between);
        Assert.InRange(end.Stop!.Value, between, after);
        Assert.Equal(end.Original, events[0].Flow!.Original);
        monitor.HearStarts(false);
        Send("1001", bytes: 1);
        Assert.Empty(monitor.Read());
    }

    public void Dispose() => _netns.Dispose();


    private static int Read(ConntrackMonitor monitor, List<ConntrackEvent> ends)
    {
        ends.AddRange(monitor.Read());
        return ends.Count;
    }

    // One datagram to each of the ports.
    private void Send(string ports, int bytes) =>
        _netns.Exec("bash", "-c", $"for port in {ports}; do printf '%{bytes}s' '' >/dev/udp/127.0.0.1/$port; done");
}
