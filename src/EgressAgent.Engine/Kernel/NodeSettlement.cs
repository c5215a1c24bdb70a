using EgressAgent.Linux;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// Tells of the node once it has settled, as <see cref="Settling"/> sees it: most changes come to nothing. Thread-safe.
/// </summary>
internal sealed class NodeSettlement : IDisposable
{
    private readonly Lock _lock = new();
    private readonly NodeState _state;
    private readonly Action<ObservedNode> _told;
    private readonly Settling _settling;
    private ObservedNode? _last;
    private bool _isOtherSeen;

    /// <param name="state">The node.</param>
    /// <param name="time">The clock.</param>
    /// <param name="told">Called on a thread of the pool with what the node is now, if it is not what was told or seen last.</param>
    internal NodeSettlement(NodeState state, TimeProvider time, Action<ObservedNode> told)
    {
        _state = state;
        _told = told;
        _settling = new Settling(time, Look, TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(1));
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
    internal void Unsettle() => _settling.Unsettle();

    public void Dispose() => _settling.Dispose();

    private void Look()
    {
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
