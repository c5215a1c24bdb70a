using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Model;
using EgressAgent.Model.Validation;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// Looks every ten seconds at what the kernel turns away without telling anybody, and at the node's settings that routers take over, of
/// which it does not tell either.
/// </summary>
internal sealed class LimitWatch : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly NodeLimits _node;
    private readonly NodeState _state;
    private readonly Func<IReadOnlyList<RouterEars>> _routers;
    private readonly Action<ValueList<ReachedLimit>, NodeTables> _changed;
    private readonly ITimer _timer;
    private bool _isDisposed;

    /// <param name="netns">The node's namespace.</param>
    /// <param name="route">The same, to ask; it belongs to the caller.</param>
    /// <param name="state">What is known of the node.</param>
    /// <param name="routers">The routers at this moment.</param>
    /// <param name="time">The clock.</param>
    /// <param name="changed">Called on a thread of the pool with the limits of the node that are reached, and the tables that routers share, when one is another.</param>
    /// <exception cref="LinuxException">No descriptor is left.</exception>
    internal LimitWatch(
        NetworkNamespace netns, RouteNetlink route, NodeState state, Func<IReadOnlyList<RouterEars>> routers, TimeProvider time,
        Action<ValueList<ReachedLimit>, NodeTables> changed)
    {
        _node = new NodeLimits(netns, route);
        _state = state;
        _routers = routers;
        _changed = changed;

        // The kernel counts since it was booted: what comes from now on is told.
        _node.Look();
        Tables = _node.Tables;
        _timer = time.CreateTimer(_ => Look(), null, Interval, Interval);
    }

    /// <summary>The tables that routers share, as they were at the beginning.</summary>
    internal NodeTables Tables { get; }

    public void Dispose()
    {
        _timer.Dispose();
        lock (_lock)
        {
            _isDisposed = true;
            _node.Dispose();
        }
    }

    private void Look()
    {
        bool isChanged;
        ValueList<ReachedLimit> reached;
        NodeTables tables;
        lock (_lock)
        {
            if (_isDisposed)
            {
                return;
            }

            isChanged = _node.Look();
            reached = _node.Reached;
            tables = _node.Tables;
            foreach (RouterEars router in _routers())
            {
                router.LookAtLimits();
            }

            ReadSettings();
        }

        if (isChanged)
        {
            _changed(reached, tables);
        }
    }

    private void ReadSettings()
    {
        try
        {
            _state.ReadSettings();
        }
        catch (LinuxException)
        {
            // No descriptor is left; the next look is near.
        }
    }
}
