using System.Collections.Immutable;
using System.Net;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Linux.Netlink.Monitoring;
using EgressAgent.Model;
using EgressAgent.Model.Resources;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Engine.Flows;

/// <summary>
/// Established connections outlive a change of the holder: the node that holds a router tells the others of those that came to its
/// external addresses, as they become established, and a node that takes it over goes on with them. What did not arrive any more, of a
/// holder that died, is lost. Thread-safe.
/// </summary>
/// <param name="settings">Where this node hears the others, and they hear it.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">For what cannot be told.</param>
public sealed partial class FlowExchange(HeartbeatSettings settings, TimeProvider time, ILogger logger) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly FlowReplicas _replicas = new();
    private readonly HashSet<RouterKey> _wanted = [];
    private readonly Dictionary<RouterKey, FlowFeed> _feeds = [];
    private readonly Lazy<NetlinkMonitorLoop> _loop = new(() => new NetlinkMonitorLoop("flow-feed"));
    private ImmutableDictionary<string, (string Place, FlowPeer Peer)> _peers = ImmutableDictionary<string, (string, FlowPeer)>.Empty;
    private Func<RouterKey, long?> _findToken = _ => null;
    private FlowListener? _listener;
    private string? _key;

    public void Dispose()
    {
        foreach (RouterKey router in _feeds.Keys.ToArray())
        {
            Stop(router);
        }

        if (_loop.IsValueCreated)
        {
            _loop.Value.Dispose();
        }

        foreach ((_, FlowPeer peer) in _peers.Values)
        {
            peer.Dispose();
        }

        _listener?.Dispose();
    }

    /// <summary>Tells these members from now on, and no others, and hears them.</summary>
    /// <param name="key">The cluster's key, in hexadecimal digits.</param>
    /// <param name="places">Where their heartbeats come, by name: see <see cref="HeartbeatSettings"/>.</param>
    /// <param name="findToken">The fencing token by which this node holds a router; null when it does not.</param>
    internal void Follow(string key, IReadOnlyDictionary<string, string> places, Func<RouterKey, long?> findToken)
    {
        lock (_lock)
        {
            bool isOtherKey = key != _key;
            byte[] secret = Convert.FromHexString(key);
            (_key, _findToken) = (key, findToken);
            if (isOtherKey)
            {
                _listener?.Dispose();
                _listener = new FlowListener(settings, _replicas);
                _listener.Start(secret);
            }

            foreach ((string node, (string place, FlowPeer peer)) in _peers)
            {
                if (isOtherKey || places.GetValueOrDefault(node) != place)
                {
                    peer.Dispose();
                    _peers = _peers.Remove(node);
                }
            }

            foreach ((string node, string place) in places)
            {
                if (!_peers.ContainsKey(node) && IPEndPoint.TryParse(place, out IPEndPoint? endpoint) && endpoint.AddressFamily == settings.Listen.AddressFamily)
                {
                    _peers = _peers.Add(node, (place, new FlowPeer(settings.Listen, endpoint, secret, List, time, problem => Tell(node, problem))));
                }
            }
        }
    }

    /// <summary>A router's flows are to be told, or not any more. It returns at once.</summary>
    internal void Want(RouterKey router, bool isWanted)
    {
        lock (_lock)
        {
            if (isWanted)
            {
                _wanted.Add(router);
                return;
            }

            _wanted.Remove(router);
        }

        Stop(router);
    }

    /// <summary>
    /// Tells of a router's flows from now on, where that is wanted, until <see cref="Stop"/>. The namespace is kept alive so long. It
    /// returns at once.
    /// </summary>
    internal void Share(RouterKey router, NetworkNamespace netns)
    {
        lock (_lock)
        {
            if (!_wanted.Contains(router) || _feeds.GetValueOrDefault(router)?.Netns == netns.Id)
            {
                return;
            }

            Stop(router);
            try
            {
                FlowFeed feed = new(router, netns);
                _feeds.Add(router, feed);
                _loop.Value.Add(feed.Monitor, () => Read(feed));
            }
            catch (LinuxException refusal)
            {
                LogUnread(router, refusal.Message);
                return;
            }
        }

        NoteHeld(router);
    }

    /// <summary>Tells of all flows of a router, which this node holds from now on. It returns at once.</summary>
    internal void NoteHeld(RouterKey router)
    {
        FlowFeed? feed;
        lock (_lock)
        {
            feed = _feeds.GetValueOrDefault(router);
        }

        if (feed is not null)
        {
            Task.Run(() => Try(feed, () => Send(feed, token => Whole(feed, token))));
        }
    }

    /// <summary>Tells nothing more of a router's flows for now: who ends them does so here alone.</summary>
    internal void Stop(RouterKey router)
    {
        FlowFeed? feed;
        lock (_lock)
        {
            _feeds.Remove(router, out feed);
        }

        if (feed is not null)
        {
            _loop.Value.Remove(feed.Monitor);
            feed.Dispose();
        }
    }

    /// <summary>What another node told of a router, which this one is about to take over. It is given once.</summary>
    internal IReadOnlyList<ConntrackEntry> Take(RouterKey router) => _replicas.Take(router);

    /// <summary>Notes how many of them are there, and why others are not, where the kernel refused.</summary>
    internal void NoteRestored(RouterKey router, int count, LinuxException? refusal)
    {
        LogRestored(router, count);
        if (refusal is not null)
        {
            LogLost(router, refusal.Message);
        }
    }

    private void Read(FlowFeed feed) => Try(feed, () =>
    {
        IReadOnlyList<FlowUpdate>? updates = feed.Read();
        Send(feed, token => updates is null
            ? Whole(feed, token)
            : updates.Chunk(FlowBatch.MaxCount).Select(chunk => new FlowBatch(feed.Router, token, IsWhole: false, chunk)));
    });

    private void Try(FlowFeed feed, Action action)
    {
        try
        {
            lock (feed.Order)
            {
                action();
            }
        }
        catch (LinuxException refusal)
        {
            LogUnread(feed.Router, refusal.Message);
        }
    }

    // Of a router that is held no more the flows are ended here, after it was said.
    private void Send(FlowFeed feed, Func<long, IEnumerable<FlowBatch>> make)
    {
        if (_peers.IsEmpty || _findToken(feed.Router) is not { } token)
        {
            return;
        }

        foreach (FlowBatch batch in make(token))
        {
            foreach ((_, FlowPeer peer) in _peers.Values)
            {
                peer.Send(batch);
            }
        }
    }

    private IEnumerable<FlowBatch> List()
    {
        FlowFeed[] feeds;
        lock (_lock)
        {
            feeds = [.. _feeds.Values];
        }

        return feeds.SelectMany(feed => _findToken(feed.Router) is { } token ? Whole(feed, token) : []);
    }

    private static IEnumerable<FlowBatch> Whole(FlowFeed feed, long token) => feed.List() is { } flows ? FlowBatch.Whole(feed.Router, token, flows) : [];

    private void Tell(string node, string? problem)
    {
        if (problem is not null)
        {
            LogUntold(node, problem);
        }
        else
        {
            LogTold(node);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Router}: {Count} established flows of external addresses go on here")]
    private partial void LogRestored(RouterKey router, int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Router}: some established flows of external addresses do not go on here: {Reason}")]
    private partial void LogLost(RouterKey router, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the node {Node} cannot be told of established flows, which would break if it took a router over: {Reason}")]
    private partial void LogUntold(string node, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "the node {Node} is told of established flows")]
    private partial void LogTold(string node);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Router}: its established flows cannot be told to other nodes: {Reason}")]
    private partial void LogUnread(RouterKey router, string reason);
}
