using System.Net;
using EgressAgent.Engine.Traffic;
using EgressAgent.Model;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Tests.Traffic;

public sealed class FlowListTests
{
    [Theory]
    [InlineData(0, 10)]
    [InlineData(10, 10)]
    [InlineData(25, 10)]
    [InlineData(25, 1)]
    public void Pages_together_areAllFlowsOnce(int count, int limit)
    {
        var list = new FlowList(Flows(0, count));
        List<RouterFlow> read = [];
        string after = "";
        do
        {
            (IReadOnlyList<RouterFlow> page, after) = list.PageAfter(after, limit);
            Assert.InRange(page.Count, count == 0 ? 0 : 1, limit);
            read.AddRange(page);
        }
        while (after.Length > 0);

        Assert.Equal(count, read.Distinct().Count());
        Assert.Equal(count, read.Count);
    }

    [Fact]
    public void Pages_flowsComeAndGo_thoseThatStayAreReadOnce()
    {
        (IReadOnlyList<RouterFlow> first, string after) = new FlowList(Flows(0, 100)).PageAfter("", 50);
        (IReadOnlyList<RouterFlow> second, string end) = new FlowList([.. Flows(20, 80), .. Flows(500, 50)]).PageAfter(after, 1000);

        Assert.Equal("", end);
        Assert.All(Flows(20, 80), flow => Assert.Equal(1, first.Concat(second).Count(read => read == flow)));
    }

    [Fact]
    public void Flow_thatWasSeenTwice_isListedOnce() => Assert.Single(new FlowList([.. Flows(1, 1), .. Flows(1, 1)]).PageAfter("", 10).Flows);

    private static ValueList<RouterFlow> Flows(int from, int count) => Enumerable.Range(from, count).Select(number => new RouterFlow(
        "UDP",
        new IPEndPoint(IPAddress.Parse("198.18.0.1"), 1000 + number),
        IPEndPoint.Parse("198.18.0.2:53"),
        IPEndPoint.Parse("192.168.12.99:40001"),
        IPEndPoint.Parse("203.0.113.26:53"),
        1,
        2)).ToValueList();
}
