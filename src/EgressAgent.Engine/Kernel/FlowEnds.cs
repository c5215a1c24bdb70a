using EgressAgent.Engine.Redirect;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Linux.Netlink.Monitoring;
using EgressAgent.Model;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// Hears of the flows that end in routers' namespaces, on a thread of its own, since there may be thousands a second.
/// Thread-safe.
/// </summary>
/// <param name="ended">Called on that thread; it returns at once.</param>
internal sealed class FlowEnds(Action<RouterKey, RouterFlow> ended) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly NetlinkMonitorLoop _loop = new("conntrack");
    private readonly Dictionary<RouterKey, Listening> _routers = [];

    /// <summary>Begins to listen in a router's namespace, which is kept alive until <see cref="Stop"/>.</summary>
    /// <exception cref="LinuxException">No descriptor is left, or the kernel refused one.</exception>
    internal void Listen(RouterKey key, NetworkNamespace netns)
    {
        lock (_lock)
        {
            if (_routers.TryGetValue(key, out Listening? listening) && listening.Netns == netns.Id)
            {
                return;
            }

            Stop(key);
            var monitor = ConntrackMonitor.Open(netns);
            try
            {
                _loop.Add(monitor, () =>
                {
                    foreach (ConntrackEnd end in monitor.Read())
                    {
                        OnEnd(key, end.Flow);
                    }
                });
            }
            catch
            {
                monitor.Dispose();
                throw;
            }

            _routers.Add(key, new Listening(netns.Id, monitor));
        }
    }

    /// <summary>Stops listening; that nobody does is no error.</summary>
    internal void Stop(RouterKey key)
    {
        lock (_lock)
        {
            if (_routers.Remove(key, out Listening? listening))
            {
                _loop.Remove(listening.Monitor);
                listening.Monitor.Dispose();
            }
        }
    }

    public void Dispose()
    {
        _loop.Dispose();
        foreach (Listening listening in _routers.Values)
        {
            listening.Monitor.Dispose();
        }
    }

    // What was lost is missing in the counters: more ended at once than the kernel had room to tell of.
    private void OnEnd(RouterKey key, ConntrackEntry? flow)
    {
        if (flow is not null && flow.Status.HasFlag(ConntrackStatus.DestinationNat))
        {
            ended(key, KernelTraffic.ToRouterFlow(flow));
        }
    }

    private sealed record Listening(NetworkNamespaceId Netns, ConntrackMonitor Monitor);
}
