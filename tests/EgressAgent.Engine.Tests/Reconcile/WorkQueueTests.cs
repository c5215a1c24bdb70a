using EgressAgent.Engine.Reconcile;
using EgressAgent.Model;
using Microsoft.Extensions.Time.Testing;

namespace EgressAgent.Engine.Tests.Reconcile;

public sealed class WorkQueueTests : IDisposable
{
    private static readonly RouterKey A = new("default", "a");
    private static readonly RouterKey B = new("default", "b");
    private static readonly RouterKey C = new("default", "c");

    private readonly FakeTimeProvider _time = new();
    private readonly WorkQueue _queue;

    public WorkQueueTests() => _queue = new WorkQueue(_time);

    public void Dispose() => _queue.Dispose();

    [Fact]
    public void Keys_come_in_the_order_in_which_they_became_due()
    {
        _queue.Add(B);
        _queue.Add(A);

        Assert.Equal([B, A], Drain());
    }

    [Fact]
    public void Key_that_waits_is_not_added_twice()
    {
        _queue.Add(A);
        _queue.Add(A);

        Assert.Equal([A], Drain());
    }

    [Fact]
    public void Key_that_is_worked_on_is_not_handed_to_another_worker()
    {
        _queue.Add(A);
        RouterKey taken = Take();
        _queue.Add(A);
        _queue.Add(B);

        Assert.Equal((A, B), (taken, Take()));
    }

    [Fact]
    public void Queue_is_idle_when_the_last_key_is_given_back_and_none_waits()
    {
        _queue.Add(A);
        _queue.Add(B);
        Take();
        Assert.False(_queue.Done(A));
        Take();
        _queue.Add(B);
        Assert.False(_queue.Done(B));
        Take();
        _queue.AddAfter(C, TimeSpan.FromSeconds(1));
        Assert.True(_queue.Done(B));
    }

    [Fact]
    public void Key_added_while_it_is_worked_on_is_due_once_more()
    {
        _queue.Add(A);
        Take();
        _queue.Add(A);
        _queue.Add(A);
        _queue.Done(A);

        Assert.Equal([A], Drain());
    }

    [Fact]
    public void Later_keys_come_when_their_time_has_come()
    {
        _queue.AddAfter(A, TimeSpan.FromSeconds(2));
        _queue.AddAfter(B, TimeSpan.FromSeconds(1));
        Assert.Empty(Drain());

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([B], Drain());
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([A], Drain());
    }

    [Fact]
    public void Earlier_of_two_times_counts_whichever_was_said_first()
    {
        _queue.AddAfter(A, TimeSpan.FromSeconds(5));
        _queue.AddAfter(A, TimeSpan.FromSeconds(1));
        _queue.AddAfter(A, TimeSpan.FromSeconds(3));

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([A], Drain());
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Empty(Drain());
    }

    [Fact]
    public void Many_later_keys_come_sorted()
    {
        _queue.AddAfter(C, TimeSpan.FromMilliseconds(3.5));
        _queue.AddAfter(A, TimeSpan.FromMilliseconds(1.5));
        _queue.AddAfter(B, TimeSpan.FromMilliseconds(2.5));

        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal([A, B, C], Drain());
    }

    [Fact]
    public void Idle_is_when_nothing_waits_and_nothing_is_worked_on()
    {
        Assert.True(_queue.WhenIdle().IsCompleted);
        _queue.Add(A);
        Task idle = _queue.WhenIdle();
        Take();
        Assert.False(idle.IsCompleted);

        _queue.Done(A);

        Assert.True(idle.IsCompletedSuccessfully);
    }

    [Fact]
    public void Idle_does_not_wait_for_what_is_due_later()
    {
        _queue.AddAfter(A, TimeSpan.FromHours(1));

        Assert.True(_queue.WhenIdle().IsCompleted);
    }

    [Fact]
    public void Close_ends_every_worker_that_waits_and_keeps_new_keys_out()
    {
        bool[] results = [true, true];
        Thread[] workers = [.. results.Select((_, index) => new Thread(() => results[index] = _queue.TryTake(out RouterKey _)))];
        foreach (Thread worker in workers)
        {
            worker.Start();
        }

        _queue.Close(workers.Length);

        Assert.All(workers, worker => Assert.True(worker.Join(TimeSpan.FromSeconds(10))));
        Assert.Equal([false, false], results);
        _queue.Add(A);
        _queue.AddAfter(A, TimeSpan.FromSeconds(1));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(_queue.WhenIdle().IsCompleted);
    }

    [Fact]
    public async Task No_key_is_lost_or_worked_on_twice_at_once_under_load()
    {
        const int Workers = 4;
        const int Adds = 20_000;
        RouterKey[] keys = [.. Enumerable.Range(0, 16).Select(number => new RouterKey("default", $"r{number}"))];
        int[] running = new int[keys.Length];
        int[] seen = new int[keys.Length];
        int[] added = new int[keys.Length];
        int overlaps = 0;
        Thread[] workers = [.. Enumerable.Range(0, Workers).Select(_ => new Thread(Work))];
        foreach (Thread worker in workers)
        {
            worker.Start();
        }

        for (int i = 0; i < Adds; i++)
        {
            int index = i * 7 % keys.Length;
            Interlocked.Increment(ref added[index]);
            _queue.Add(keys[index]);
        }

        await _queue.WhenIdle().WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        _queue.Close(Workers);
        Assert.All(workers, worker => Assert.True(worker.Join(TimeSpan.FromSeconds(10))));
        Assert.Equal(0, overlaps);

        // Whoever worked last on a key saw all that was added before.
        Assert.Equal(added, seen);

        void Work()
        {
            while (_queue.TryTake(out RouterKey key))
            {
                int index = Array.IndexOf(keys, key);
                if (Interlocked.Increment(ref running[index]) != 1)
                {
                    Interlocked.Increment(ref overlaps);
                }

                seen[index] = Volatile.Read(ref added[index]);
                Interlocked.Decrement(ref running[index]);
                _queue.Done(key);
            }
        }
    }

    private RouterKey Take()
    {
        Assert.True(_queue.TryTake(out RouterKey key));
        return key;
    }

    // Taking blocks when nothing is due, so it is asked for only as long as the queue is not idle.
    private List<RouterKey> Drain()
    {
        List<RouterKey> keys = [];
        while (!_queue.WhenIdle().IsCompleted)
        {
            keys.Add(Take());
            _queue.Done(keys[^1]);
        }

        return keys;
    }
}
