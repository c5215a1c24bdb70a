using EgressAgent.Linux;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// Tells of the node once it has settled: one change seldom comes alone, and most come to nothing. A node that does not settle is
/// told of less and less often. Thread-safe.
/// </summary>
internal sealed class NodeSettlement : IDisposable
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly NodeState _state;
    private readonly TimeProvider _time;
    private readonly Action<ObservedNode> _told;
    private readonly ITimer _timer;
    private ObservedNode? _last;
    private bool _isOtherSeen;
    private bool _isWaiting;
    private TimeSpan _pause = Shortest;
    private long? _lastLook;

    /// <param name="state">The node.</param>
    /// <param name="time">The clock.</param>
    /// <param name="told">Called on a thread of the pool with what the node is now, if it is not what was told or seen last.</param>
    internal NodeSettlement(NodeState state, TimeProvider time, Action<ObservedNode> told)
    {
        _state = state;
        _time = time;
        _told = told;
        _timer = time.CreateTimer(_ => Look(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The node as it is at this moment. Whoever has seen it is told when it becomes another, even if that is what was told before.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal ObservedNode Observe()
    {
        ObservedNode node = _state.Observe();
        lock (_lock)
        {
            _isOtherSeen |= !ReferenceEquals(node, _last);
        }

        return node;
    }

    /// <summary>Notes that something has changed.</summary>
    internal void Unsettle()
    {
        lock (_lock)
        {
            if (_isWaiting)
            {
                return;
            }

            _isWaiting = true;
            _pause = _lastLook is { } last && _time.GetElapsedTime(last) < _pause
                ? _pause * 2 < Longest ? _pause * 2 : Longest
                : Shortest;
            _timer.Change(_pause, Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        lock (_lock)
        {
            _isWaiting = false;
            _lastLook = _time.GetTimestamp();
        }

        ObservedNode node;
        try
        {
            node = _state.Observe();
        }
        catch (LinuxException)
        {
            // Whoever needs it meets the refusal too, and says so.
            Unsettle();
            return;
        }

        lock (_lock)
        {
            if (node.Equals(_last) && !_isOtherSeen)
            {
                return;
            }

            _last = node;
            _isOtherSeen = false;
        }

        _told(node);
    }
}
