using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Linux.Netlink.Monitoring;
using EgressAgent.Model;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// What is heard of one router. What is told while its steps are taken, its own steps most of all, is not told on: the look that
/// follows the last step sees it. Thread-safe.
/// </summary>
internal sealed class RouterEars : IDisposable
{
    private readonly Lock _lock = new();
    private readonly RouterKey _key;
    private readonly ChangeMonitor _monitor;
    private readonly RouterLimits _limits = new();
    private Watched? _watched;
    private NetworkNamespaceId? _leftAlone;
    private bool _isTakingSteps;

    /// <param name="key">The router.</param>
    /// <param name="monitor">Where it is registered.</param>
    internal RouterEars(RouterKey key, ChangeMonitor monitor)
    {
        _key = key;
        _monitor = monitor;
    }

    internal RouterKey Key => _key;

    /// <inheritdoc cref="RouterLimits.Problems"/>
    internal ValueList<PlanProblem> LimitsReached => _limits.Problems;

    /// <summary>Begins to listen in the router's netns, which is kept alive until <see cref="Unwatch"/>.</summary>
    /// <exception cref="LinuxException">No descriptor is left, or the kernel refused one; then it listens where it did before.</exception>
    internal void Watch(NetworkNamespace netns)
    {
        ConntrackTable flows = ConntrackTable.Open(netns);
        try
        {
            Close(Exchange(Open(netns)));
        }
        catch
        {
            flows.Dispose();
            throw;
        }

        _limits.Follow(flows);
        TellIfNameless();
    }

    /// <summary>Stops listening in the router's netns.</summary>
    /// <param name="leftAlone">What has its name now and is not the agent's: it is told when that changes.</param>
    internal void Unwatch(NetworkNamespaceId? leftAlone = null)
    {
        lock (_lock)
        {
            _leftAlone = leftAlone;
        }

        if (Exchange(null) is { } watched)
        {
            _limits.Follow(null);
            Close(watched);
        }
    }

    /// <summary>Notes that steps are being taken. Another look follows them, be it after a pause.</summary>
    internal void BeginSteps()
    {
        lock (_lock)
        {
            _isTakingSteps = true;
        }
    }

    /// <summary>Notes that the router is about to be looked at: from here on what changes is told again.</summary>
    internal void BeginLook()
    {
        _monitor.Node.Drain();
        lock (_lock)
        {
            _watched?.Route.Read();
            _watched?.Nftables?.Read();
            _isTakingSteps = false;
        }
    }

    /// <summary>Looks whether the kernel turns away what the router should carry.</summary>
    internal void LookAtLimits()
    {
        if (_limits.Look())
        {
            Tell();
        }
    }

    /// <summary>Says that something may concern the router.</summary>
    internal void Tell() => TellIf(() => true);

    /// <summary>A namespace that loses its name lives on while the agent listens in it, and says nothing of it.</summary>
    internal void TellIfNameless() => TellIf(() =>
        (_watched?.Netns ?? _leftAlone) is { } known && NetworkNamespace.TryGetId(RouterNames.Netns(_key)) != known);

    public void Dispose()
    {
        Unwatch();
        _monitor.Unregister(this);
    }

    private void TellIf(Func<bool> isNews)
    {
        bool isTold;
        lock (_lock)
        {
            // What was told before a look began is seen by it, so it is read and forgotten under the same lock.
            isTold = isNews() && !_isTakingSteps;
        }

        if (isTold)
        {
            _monitor.TellChanged(_key);
        }
    }

    private Watched? Exchange(Watched? watched)
    {
        lock (_lock)
        {
            (Watched? before, _watched) = (_watched, watched);
            return before;
        }
    }

    private Watched Open(NetworkNamespace netns)
    {
        RouteMonitor route = RouteMonitor.Open(netns, RouteMonitorGroups.Configuration | RouteMonitorGroups.Filters);
        NftablesMonitor? nftables = null;
        try
        {
            nftables = NftablesMonitor.Open(netns);
            _monitor.Loop.Add(route, () => TellIf(() => route.Read().Count > 0));
            _monitor.Loop.Add(nftables, () => TellIf(() => nftables.Read().Count > 0));
            return new Watched(netns.Id, route, nftables);
        }
        catch
        {
            Close(new Watched(netns.Id, route, nftables));
            throw;
        }
    }

    private void Close(Watched? watched)
    {
        if (watched is null)
        {
            return;
        }

        _monitor.Loop.Remove(watched.Route);
        watched.Route.Dispose();
        if (watched.Nftables is { } nftables)
        {
            _monitor.Loop.Remove(nftables);
            nftables.Dispose();
        }
    }

    private sealed record Watched(NetworkNamespaceId Netns, RouteMonitor Route, NftablesMonitor? Nftables);
}
