using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Linux.Clocks;
using EgressAgent.Model;

namespace EgressAgent.Engine.Tests.Kernel;

public sealed class FenceTests : IDisposable
{
    private const long Second = 1_000_000_000;

    private static readonly RouterKey Key = new("default", "web");

    private readonly ScratchNamespace _node = ScratchNamespace.Create();
    private readonly Fence _fence;

    public FenceTests() => _fence = Open();

    public void Dispose()
    {
        _fence.Dispose();
        _node.Dispose();
    }

    [Fact]
    public void Deadline_is_none_at_first_and_moves_to_later_times_alone()
    {
        Assert.Equal((null, 0), (_fence.WhyNot, _fence.Deadline));
        long now = BootClock.Nanoseconds;

        _fence.Extend(now + (10 * Second));
        _fence.Extend(now + (5 * Second));
        _fence.Extend(now - Second);

        Assert.Equal(now + (10 * Second), _fence.Deadline);
        Assert.Throws<ArgumentOutOfRangeException>(() => _fence.Extend(now + (3600 * Second)));
        Assert.Equal(now + (10 * Second), _fence.Deadline);
    }

    [Fact]
    public void Routers_are_open_one_by_one_until_they_are_closed()
    {
        RouterKey other = new("default", "other");
        Assert.False(_fence.IsOpen(Key));

        _fence.Open(Key);
        _fence.Open(other);
        _fence.Close(other);
        _fence.Close(other);

        Assert.Equal((true, false), (_fence.IsOpen(Key), _fence.IsOpen(other)));
        _fence.CloseAll();
        Assert.False(_fence.IsOpen(Key));
    }

    [Fact]
    public void Fence_is_that_of_one_owner_on_one_node()
    {
        _fence.Open(Key);
        _fence.Extend(BootClock.Nanoseconds + (10 * Second));

        using Fence same = Open();
        using Fence ofAnotherOwner = Open("/nonexistent/other");
        using ScratchNamespace node = ScratchNamespace.Create();
        using Fence onAnotherNode = new(AgentOwner.Of("/nonexistent"), node.Namespace);

        Assert.Equal((true, _fence.Deadline), (same.IsOpen(Key), same.Deadline));
        Assert.Equal((false, 0), (ofAnotherOwner.IsOpen(Key), ofAnotherOwner.Deadline));
        Assert.Equal((false, 0), (onAnotherNode.IsOpen(Key), onAnotherNode.Deadline));
    }

    private Fence Open(string stateDirectory = "/nonexistent") => new(AgentOwner.Of(stateDirectory), _node.Namespace);
}
