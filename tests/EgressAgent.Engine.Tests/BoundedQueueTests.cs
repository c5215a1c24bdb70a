namespace EgressAgent.Engine.Tests;

public sealed class BoundedQueueTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    [Fact]
    public void Items_come_out_in_order()
    {
        var queue = new BoundedQueue<int>(3);
        Assert.True(queue.TryAdd(1));
        Assert.True(queue.TryAdd(2));
        Assert.Equal(2, queue.Count);

        Assert.True(queue.TryTake(out int first, TimeSpan.Zero));
        Assert.True(queue.TryTake(out int second, TimeSpan.Zero));

        Assert.Equal((1, 2), (first, second));
        Assert.False(queue.TryTake(out _, TimeSpan.Zero));
    }

    [Fact]
    public void What_finds_no_room_is_not_taken()
    {
        var queue = new BoundedQueue<int>(1);
        Assert.True(queue.TryAdd(1));
        Assert.False(queue.TryAdd(2));

        queue.TryTake(out _, TimeSpan.Zero);

        Assert.True(queue.TryAdd(3));
    }

    [Fact]
    public async Task Waiting_thread_gets_what_is_added()
    {
        var queue = new BoundedQueue<int>(1);
        Task<int> taken = Task.Run(() => queue.TryTake(out int item, Timeout.InfiniteTimeSpan) ? item : -1);

        queue.TryAdd(7);

        Assert.Equal(7, await taken.WaitAsync(Deadline, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Close_ends_the_wait_and_leaves_what_waits()
    {
        var empty = new BoundedQueue<int>(1);
        Task<bool> taken = Task.Run(() => empty.TryTake(out _, Timeout.InfiniteTimeSpan));
        var queue = new BoundedQueue<int>(2);
        queue.TryAdd(1);

        empty.Close();
        queue.Close();

        Assert.False(await taken.WaitAsync(Deadline, TestContext.Current.CancellationToken));
        Assert.True(empty.IsOver);
        Assert.False(queue.TryAdd(2));
        Assert.False(queue.IsOver);
        Assert.True(queue.TryTake(out int left, Timeout.InfiniteTimeSpan));
        Assert.Equal(1, left);
        Assert.True(queue.IsOver);
    }
}
