namespace EgressAgent.Engine.Tests;

public sealed class WakeSignalTests
{
    [Fact]
    public void What_was_set_before_the_wait_ends_one_wait()
    {
        using WakeSignal signal = new();
        signal.Set();
        signal.Set();
        Assert.True(signal.Wait());
        Assert.False(signal.Wait(TimeSpan.FromMilliseconds(1)));

        signal.Set();
        Assert.True(signal.Wait());
    }

    // A timer's thread has nobody to catch what it throws: the process would end.
    [Fact]
    public void Who_comes_after_the_end_does_nothing()
    {
        WakeSignal signal = new();
        signal.Dispose();

        Assert.Null(Record.Exception(signal.Set));
    }
}
