using System.Net;
using EgressAgent.Engine.Flows;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Model;

namespace EgressAgent.Engine.Tests.Flows;

public sealed class FlowBatchTests
{
    internal static readonly RouterKey Router = new("prod", "web");

    [Fact]
    public void Batch_comesBackAsItWas()
    {
        FlowBatch batch = new(Router, 42, IsWhole: true,
        [
            new FlowUpdate(Flow(1) with { Connection = new ConntrackConnection(3, 0x12345678, 9) }, IsOver: false),
            new FlowUpdate(Flow(2, "2001:db8::"), IsOver: true),
        ]);

        FlowBatch read = FlowBatch.Read(batch.Write());

        Assert.Equal((Router, 42, true), (read.Router, read.Token, read.IsWhole));
        Assert.Equal(batch.Updates, read.Updates);
    }

    [Fact]
    public void Batch_thatIsCutShort_orOfALaterVersion_isNone()
    {
        byte[] content = new FlowBatch(Router, 42, IsWhole: false, [new FlowUpdate(Flow(1), IsOver: false)]).Write();
        for (int length = 0; length < content.Length; length++)
        {
            Assert.Throws<InvalidDataException>(() => FlowBatch.Read(content[..length]));
        }

        content[0]++;
        Assert.Throws<InvalidDataException>(() => FlowBatch.Read(content));
    }

    [Fact]
    public void All_thatThereIs_isSentInBatchesThatAChannelTakes()
    {
        FlowUpdate[] updates = [.. Enumerable.Range(1, (2 * FlowBatch.MaxCount) + 1).Select(number => new FlowUpdate(Flow(number, "2001:db8::") with { Connection = new ConntrackConnection(3) }, IsOver: false))];

        FlowBatch[] batches = [.. FlowBatch.Whole(Router, 42, updates)];

        Assert.Equal([true, false, false], batches.Select(batch => batch.IsWhole));
        Assert.Equal(updates, batches.SelectMany(batch => batch.Updates));
        Assert.All(batches, batch => Assert.InRange(batch.Write().Length, 1, FlowChannel.MaxLength));
        Assert.True(Assert.Single(FlowBatch.Whole(Router, 42, [])) is { IsWhole: true, Updates: [] });
    }

    /// <summary>One of its own for each number.</summary>
    internal static ConntrackEntry Flow(int number, string network = "192.0.2.") => new(
        new ConntrackTuple(6, IPAddress.Parse(network + 9), IPAddress.Parse(network + 99)) { SourcePort = (ushort)number, DestinationPort = 80 },
        new ConntrackTuple(6, IPAddress.Parse(network + 7), IPAddress.Parse(network + 98)) { SourcePort = 8080, DestinationPort = (ushort)number })
    {
        Id = (uint)number,
        Mark = 0x10,
        Status = ConntrackStatus.Confirmed | ConntrackStatus.Assured | ConntrackStatus.DestinationNat,
        Timeout = TimeSpan.FromSeconds(300),
    };
}
