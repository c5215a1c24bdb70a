namespace EgressAgent.Engine.Tests.Reconcile;

public sealed class BackoffTests
{
    [Fact]
    public void Pauses_double_up_to_a_minute_and_stay_there()
    {
        var backoff = new Backoff();

        double[] seconds = [.. Enumerable.Range(0, 100).Select(_ => backoff.Next().TotalSeconds)];

        Assert.Equal([0.5, 1, 2, 4, 8, 16, 32, 60, 60], seconds[..9]);
        Assert.Equal(60, seconds[^1]);
    }

    [Fact]
    public void Reset_starts_over()
    {
        var backoff = new Backoff();
        backoff.Next();
        backoff.Next();

        backoff.Reset();

        Assert.Equal(TimeSpan.FromSeconds(0.5), backoff.Next());
    }
}
