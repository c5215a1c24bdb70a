using EgressAgent.Engine.Flows;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Model;

namespace EgressAgent.Engine.Tests.Flows;

public sealed class FlowReplicasTests
{
    private static readonly RouterKey Router = FlowBatchTests.Router;

    private readonly FlowReplicas _replicas = new();

    [Fact]
    public void Flows_areThose_thatWereToldAndAreNotOver()
    {
        Note(7, isWhole: true, Living(1), Living(2));
        Note(7, isWhole: false, Living(3), Over(1));

        Assert.Equal([2, 3], Take());
    }

    [Fact]
    public void Flow_thatIsAnother_ofTheSamePorts_isNotOverWithTheOneBefore()
    {
        ConntrackEntry first = FlowBatchTests.Flow(1);
        ConntrackEntry second = first with { Id = 77 };
        Note(7, isWhole: true, new FlowUpdate(first, IsOver: false), new FlowUpdate(second, IsOver: false), new FlowUpdate(first, IsOver: true));

        Assert.Equal([77], Take());
    }

    [Fact]
    public void All_thatAHolderHas_takesThePlaceOfWhatItToldBefore()
    {
        Note(7, isWhole: true, Living(1));
        Note(7, isWhole: true, Living(2));
        _replicas.Note(new FlowBatch(new RouterKey("prod", "other"), 7, IsWhole: true, []));

        Assert.Equal([2], Take());
    }

    [Fact]
    public void Holder_thatIsOneNoMore_tellsNothing()
    {
        Note(8, isWhole: true, Living(1));
        Note(7, isWhole: true, Living(2));
        Note(7, isWhole: false, Over(1));

        Assert.Equal([1], Take());
    }

    [Fact]
    public void Flows_areTakenOnce_andWhatComesLateOfThatHolderIsNothing()
    {
        Note(7, isWhole: true, Living(1));

        Assert.Equal([1], Take());
        Note(7, isWhole: true, Living(2));
        Assert.Empty(Take());
        Note(9, isWhole: false, Living(3));
        Assert.Equal([3], Take());
    }

    private static FlowUpdate Living(int number) => new(FlowBatchTests.Flow(number), IsOver: false);

    private static FlowUpdate Over(int number) => new(FlowBatchTests.Flow(number), IsOver: true);

    private void Note(long token, bool isWhole, params FlowUpdate[] updates) => _replicas.Note(new FlowBatch(Router, token, isWhole, updates));

    private IEnumerable<int> Take() => _replicas.Take(Router).Select(flow => (int)flow.Id).Order();
}
