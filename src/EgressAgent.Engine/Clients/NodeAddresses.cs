using System.Net;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;

namespace EgressAgent.Engine.Clients;

/// <summary>Which addresses are a namespace's own, a second old at most. Not thread-safe.</summary>
internal sealed class NodeAddresses(NetworkNamespace node, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(1);

    private readonly RouteNetlink _route = RouteNetlink.Open(node);
    private HashSet<IPAddress> _own = [];
    private long? _readAt;

    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    internal bool Contains(IPAddress address)
    {
        // One that went finds no socket.
        if (!_own.Contains(address) && (_readAt is not { } readAt || time.GetElapsedTime(readAt) >= MaxAge))
        {
            _own = [.. _route.GetAddresses().Select(entry => entry.Address)];
            _readAt = time.GetTimestamp();
        }

        return _own.Contains(address);
    }

    public void Dispose() => _route.Dispose();
}
