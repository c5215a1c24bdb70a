using EgressAgent.Model;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Reconcile;

/// <summary>Who waits until a router's passes have come to an outcome. Not thread-safe.</summary>
/// <param name="board">What came of them.</param>
internal sealed class PassWaiters(StatusBoard board)
{
    private readonly List<Waiter> _waiters = [];

    /// <summary>Waits for what comes of a pass that is yet to begin.</summary>
    /// <param name="key">The router.</param>
    /// <param name="isPassRunning">Whether one runs now, which does not count.</param>
    internal Task<RouterStatus?> Add(RouterKey key, bool isPassRunning)
    {
        Waiter waiter = new(key) { IsPassOver = !isPassRunning };
        _waiters.Add(waiter);
        return waiter.Settled.Task;
    }

    /// <summary>A pass has ended. While IPv6 addresses are tentative it has no outcome.</summary>
    internal void PassEnded(RouterKey key)
    {
        foreach (Waiter waiter in _waiters.Where(waiter => waiter.Key == key).ToArray())
        {
            // As it is now: the next pass may be about to configure something else.
            RouterStatus? status = board.Find(key);
            if (waiter.IsPassOver && status is not { State: RouterState.Configuring })
            {
                _waiters.Remove(waiter);
                waiter.Settled.TrySetResult(status);
            }

            waiter.IsPassOver = true;
        }
    }

    /// <summary>There will be no more passes.</summary>
    internal void End() => _waiters.ForEach(waiter => waiter.Settled.TrySetResult(board.Find(waiter.Key)));

    private sealed class Waiter(RouterKey key)
    {
        internal RouterKey Key => key;

        internal TaskCompletionSource<RouterStatus?> Settled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Whether those have ended that ran when the wait began.</summary>
        internal bool IsPassOver { get; set; }
    }
}
