using EgressAgent.Engine.Flows;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Model.Planning;
using EgressAgent.Testing;

namespace EgressAgent.Engine.Tests.Flows;

public sealed class FlowFeedTests : IDisposable
{
    private const byte SynReceived = 2, Established = 3, FinWait = 4, TimeWait = 7;

    private readonly NetworkNamespace _netns;
    private readonly ConntrackTable _table;

    public FlowFeedTests()
    {
        Requires.Root();
        _netns = NetworkNamespace.CreateUnnamed("of a router");
        Sysctl.Set(_netns, "net/netfilter/nf_conntrack_events", 1);
        _table = ConntrackTable.Open(_netns);
    }

    public void Dispose()
    {
        _table.Dispose();
        _netns.Dispose();
    }

    [Fact]
    public void Flows_thatAreEstablished_andCameToAnExternalAddress_areListed()
    {
        RestoreAll();

        using FlowFeed feed = new(FlowBatchTests.Router, _netns);

        Assert.Equal([Established, 20 + Established, FinWait], Numbers(feed.List()!, isOver: false));
        Assert.Empty(feed.Read()!);
    }

    [Fact]
    public void Flows_areToldAsTheyBecomeEstablished_andEnd()
    {
        using FlowFeed feed = new(FlowBatchTests.Router, _netns);
        List<FlowUpdate> told = [];

        RestoreAll();

        Eventually.True("three flows", () => Read(feed, told).Count(update => !update.IsOver) == 3);
        Assert.Equal([Established, 20 + Established, FinWait], Numbers(told, isOver: false));
        Assert.Equal([TimeWait], Numbers(told, isOver: true));

        told.Clear();
        _table.Flush();
        Eventually.True("their ends", () => Read(feed, told).Count(update => update.IsOver) >= 5);
        Assert.Empty(Numbers(told, isOver: false));
        Assert.DoesNotContain(100 + Established, Numbers(told, isOver: true));
    }

    [Fact]
    public void Feed_thatIsOver_listsNothing()
    {
        RestoreAll();
        FlowFeed feed = new(FlowBatchTests.Router, _netns);
        feed.Dispose();

        Assert.Null(feed.List());
    }

    private static List<FlowUpdate> Read(FlowFeed feed, List<FlowUpdate> told)
    {
        told.AddRange(feed.Read()!);
        return told;
    }

    private static int[] Numbers(IEnumerable<FlowUpdate> updates, bool isOver) =>
        [.. updates.Where(update => update.IsOver == isOver).Select(update => (int)update.Flow.Original.SourcePort!).Order().Distinct().OrderBy(number => number % 20)];

    private void RestoreAll()
    {
        foreach (byte state in (byte[])[SynReceived, Established, FinWait, TimeWait])
        {
            Assert.True(_table.Restore(Tcp(state, state)));
        }

        // Of a client by the inside address; of UDP one that was answered, and one that was not.
        Assert.True(_table.Restore(Tcp(100 + Established, Established) with { Mark = 0 }));
        Assert.True(_table.Restore(Udp(20 + Established) with { Status = ConntrackStatus.Confirmed | ConntrackStatus.SeenReply }));
        Assert.True(_table.Restore(Udp(40 + Established) with { Status = ConntrackStatus.Confirmed }));
    }

    private static ConntrackEntry Tcp(int number, byte state) => FlowBatchTests.Flow(number) with { Mark = PacketMarks.FromLan, Connection = new ConntrackConnection(state) };

    private static ConntrackEntry Udp(int number)
    {
        ConntrackEntry flow = FlowBatchTests.Flow(number);
        return flow with { Original = flow.Original with { Protocol = 17 }, Reply = flow.Reply with { Protocol = 17 }, Connection = null };
    }
}
