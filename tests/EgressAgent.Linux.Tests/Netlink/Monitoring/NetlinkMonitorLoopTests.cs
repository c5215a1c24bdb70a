using System.Collections.Concurrent;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Monitoring;
using EgressAgent.Linux.Tests.Support;

namespace EgressAgent.Linux.Tests.Netlink.Monitoring;

public sealed class NetlinkMonitorLoopTests
{
    [Fact]
    public void One_thread_serves_monitors_of_many_namespaces_that_come_and_go()
    {
        using var loop = new NetlinkMonitorLoop("test-loop");
        using ScratchNetns first = ScratchNetns.Create();
        using ScratchNetns second = ScratchNetns.Create();
        var seen = new ConcurrentQueue<(string Where, object Change, string? Thread)>();
        using RouteMonitor firstMonitor = RouteMonitor.Open(first.Namespace);
        using RouteMonitor secondMonitor = RouteMonitor.Open(second.Namespace);
        using NftablesMonitor rulesets = NftablesMonitor.Open(second.Namespace);
        loop.Add(firstMonitor, change => seen.Enqueue(("first", change, Thread.CurrentThread.Name)));
        loop.Add(secondMonitor, change => seen.Enqueue(("second", change, Thread.CurrentThread.Name)));
        loop.Add(rulesets, change => seen.Enqueue(("rules", change, Thread.CurrentThread.Name)));

        first.Up("lo");
        second.Up("lo");
        second.Exec("nft", "add", "table", "inet", "a");

        Eventually.True(
            () => seen.Select(item => item.Where).Distinct().Order().SequenceEqual(["first", "rules", "second"]),
            "all three have told something");
        Assert.All(seen, item => Assert.Equal("test-loop", item.Thread));

        Assert.True(loop.Remove(firstMonitor));
        Assert.False(loop.Remove(firstMonitor));
        int before = seen.Count(item => item.Where == "first");
        first.AddVeth();
        second.AddVeth();
        Eventually.True(() => seen.Any(item => item.Change is RouteNotification.LinkChanged { Link.Name: "v0" }), "the second goes on");
        Assert.Equal(before, seen.Count(item => item.Where == "first"));

        loop.Add(firstMonitor, change => seen.Enqueue(("again", change, Thread.CurrentThread.Name)));
        Eventually.True(() => seen.Any(item => item.Where == "again"), "what was collected meanwhile comes after it is added again");
    }

    [Fact]
    public void Remove_waits_for_a_callback_that_runs()
    {
        using var loop = new NetlinkMonitorLoop();
        using ScratchNetns netns = ScratchNetns.Create();
        using RouteMonitor monitor = RouteMonitor.Open(netns.Namespace);
        using var entered = new ManualResetEventSlim();
        using var leave = new ManualResetEventSlim();
        loop.Add(monitor, _ =>
        {
            entered.Set();
            leave.Wait();
        });
        netns.Up("lo");
        entered.Wait(TestContext.Current.CancellationToken);
        bool isRemoved = false;
        var remover = new Thread(() =>
        {
            loop.Remove(monitor);
            Volatile.Write(ref isRemoved, true);
        });
        remover.Start();

        // Waiting for the loop's lock is the only thing that the remover can sleep in.
        Eventually.True(() => remover.ThreadState.HasFlag(ThreadState.WaitSleepJoin), "the remover waits");
        Assert.False(Volatile.Read(ref isRemoved));

        leave.Set();
        remover.Join();
        Assert.True(isRemoved);
    }

    [Fact]
    public void Monitor_can_be_removed_from_its_own_callback()
    {
        using var loop = new NetlinkMonitorLoop();
        using ScratchNetns netns = ScratchNetns.Create();
        using RouteMonitor monitor = RouteMonitor.Open(netns.Namespace, RouteMonitorGroups.Links);
        int calls = 0;
        loop.Add(monitor, _ =>
        {
            loop.Remove(monitor);
            Interlocked.Increment(ref calls);
        });

        netns.Up("lo");

        Eventually.True(() => Volatile.Read(ref calls) > 0, "the callback ran");
        Assert.False(loop.Remove(monitor));
    }

    [Fact]
    public void Five_hundred_links_are_followed_while_they_are_made()
    {
        using var loop = new NetlinkMonitorLoop();
        using ScratchNetns netns = ScratchNetns.Create();
        using RouteMonitor monitor = RouteMonitor.Open(netns.Namespace, RouteMonitorGroups.Links);
        var names = new ConcurrentDictionary<string, bool>();
        loop.Add(monitor, change =>
        {
            if (change is RouteNotification.LinkChanged link)
            {
                names[link.Link.Name] = !link.IsRemoved;
            }
        });

        for (int i = 0; i < 250; i++)
        {
            netns.Netlink.AddVeth(new NewVeth { Name = $"a{i}", PeerName = $"b{i}" });
        }

        Eventually.True(() => names.Count(item => item.Value) == 500, "all links were told of");
    }
}
