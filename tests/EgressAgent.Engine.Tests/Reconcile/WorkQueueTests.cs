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
    private readonly List<int> _workers = [];
    private readonly List<Thread> _threads = [];
    private readonly WorkQueue _queue;
    private ThreadStart? _work;
    private bool _hasThreads = true;

    public WorkQueueTests() => _queue = new WorkQueue(_time, maxWorkers: 4, TryStartWorker);

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
    public void Workers_are_started_when_there_is_a_key_for_each_and_no_more_than_are_allowed()
    {
        Assert.Empty(_workers);
        _queue.Add(A);
        _queue.Add(A);
        Assert.Equal([1], _workers);

        // One that is worked on keeps its worker busy, also when it is due once more.
        Take();
        _queue.Add(A);
        Assert.Equal([1], _workers);
        _queue.Add(B);
        Assert.Equal([1, 2], _workers);
        foreach (int number in Enumerable.Range(0, 5))
        {
            _queue.Add(new RouterKey("default", $"r{number}"));
        }

        Assert.Equal([1, 2, 3, 4], _workers);
    }

    [Fact]
    public void Worker_that_cannot_be_started_is_asked_for_again_with_the_next_key()
    {
        _queue.Add(A);
        _hasThreads = false;
        _queue.Add(B);
        Assert.Equal([1], _workers);

        _hasThreads = true;
        _queue.Add(C);
        Assert.Equal([1, 2], _workers);
        Assert.Equal([A, B, C], Drain());
    }

    [Fact]
    public void Worker_whose_key_came_back_takes_the_next_one()
    {
        _queue.Add(A);
        Take();
        _queue.Done(A);

        _queue.Add(B);
        Assert.Equal([1], _workers);
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
    public async Task Close_ends_every_worker_that_waits_and_keeps_new_keys_out()
    {
        _work = () =>
        {
            while (_queue.TryTake(out RouterKey key))
            {
                _queue.Done(key);
            }
        };
        _queue.Add(A);
        _queue.Add(B);
        await _queue.WhenIdle().WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        _queue.Close();

        Assert.NotEmpty(_threads);
        Assert.All(_threads, worker => Assert.True(worker.Join(TimeSpan.FromSeconds(10))));
        int started = _workers.Count;
        _queue.Add(A);
        _queue.AddAfter(A, TimeSpan.FromSeconds(1));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(_queue.WhenIdle().IsCompleted);
        Assert.Equal(started, _workers.Count);
    }

    [Fact]
    public async Task No_key_is_lost_or_worked_on_twice_at_once_under_load()
    {
        const int Adds = 20_000;
        RouterKey[] keys = [.. Enumerable.Range(0, 16).Select(number => new RouterKey("default", $"r{number}"))];
        int[] running = new int[keys.Length];
        int[] seen = new int[keys.Length];
        int[] added = new int[keys.Length];
        int overlaps = 0;
        _work = Work;
        for (int i = 0; i < Adds; i++)
        {
            int index = i * 7 % keys.Length;
            Interlocked.Increment(ref added[index]);
            _queue.Add(keys[index]);
        }

        await _queue.WhenIdle().WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        _queue.Close();
        Assert.All(_threads, worker => Assert.True(worker.Join(TimeSpan.FromSeconds(10))));
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

    private bool TryStartWorker(int number)
    {
        if (!_hasThreads)
        {
            return false;
        }

        _workers.Add(number);
        if (_work is not null)
        {
            _threads.Add(new Thread(_work));
            _threads[^1].Start();
        }

        return true;
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
