using EgressAgent.Engine.Kernel;
using Microsoft.Extensions.Time.Testing;

namespace EgressAgent.Engine.Tests.Kernel;

public sealed class FlowOffloadJudgeTests : IDisposable
{
    private static readonly FlowOffloadVerdict Unknown = new("it could not be tried on this kernel: Connection timed out", IsFinal: false);

    private readonly FakeTimeProvider _time = new();
    private readonly List<string?> _told = [];
    private readonly FlowOffloadJudge _judge;
    private FlowOffloadVerdict _next = Unknown;
    private int _trials;

    public FlowOffloadJudgeTests()
    {
        _judge = new FlowOffloadJudge(
            () =>
            {
                _trials++;
                return _next;
            },
            _time);
        _judge.Judged += _told.Add;
    }

    public void Dispose() => _judge.Dispose();

    [Theory]
    [InlineData(null)]
    [InlineData("this kernel has no flowtables (nf_flow_table)")]
    public void Kernel_is_tried_when_it_is_asked_for_and_never_again_once_it_is_known(string? whyNot)
    {
        _next = new FlowOffloadVerdict(whyNot);
        Assert.Equal(0, _trials);

        Assert.Equal((whyNot, whyNot), (_judge.WhyNot, _judge.WhyNot));

        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(1, _trials);
        Assert.Equal([whyNot], _told);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("this kernel does not offload UDP of IPv4 right: it was not offloaded")]
    public void Kernel_of_which_it_could_not_be_told_is_tried_again_until_it_is_known(string? whyNot)
    {
        Assert.Equal(Unknown.WhyNot, _judge.WhyNot);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal([Unknown.WhyNot], _told);
        _next = new FlowOffloadVerdict(whyNot);

        _time.Advance(TimeSpan.FromSeconds(5));

        int trials = _trials;
        Assert.Equal(whyNot, _judge.WhyNot);
        Assert.Equal([Unknown.WhyNot, whyNot], _told);
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(trials, _trials);
    }

    // One that lets packets wait only now and then would pass at last.
    [Fact]
    public void Kernel_of_which_it_cannot_be_told_for_minutes_is_not_trusted_for_good()
    {
        Assert.Equal(Unknown.WhyNot, _judge.WhyNot);
        for (int second = 0; second < 600; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.InRange(_trials, 5, 20);
        _next = new FlowOffloadVerdict(null);

        _time.Advance(TimeSpan.FromHours(1));

        Assert.Equal(Unknown.WhyNot, _judge.WhyNot);
        Assert.Equal([Unknown.WhyNot], _told);
    }
}
