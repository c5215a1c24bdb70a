using System.Net;
using EgressAgent.Linux;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Neighbours;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// Asks the routers' gateways whether they are there, idle or not: one question to the gateway alone, by the kernel itself, so that its
/// neighbour table and the gateway's stay fresh too. One timer for all routers. Thread-safe.
/// </summary>
internal sealed class GatewayWatch : IDisposable
{
    private const NeighbourState Fixed = NeighbourState.Permanent | NeighbourState.NoArp;
    private const NeighbourState UnderWay = NeighbourState.Incomplete | NeighbourState.Probe;

    // The kernel asks three times, a second apart.
    private static readonly TimeSpan WhileReachable = TimeSpan.FromSeconds(30);

    // Where another node may serve instead.
    private static readonly TimeSpan WhileReachableOften = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan WhileAsked = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AtFirst = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan WhileUnreachable = TimeSpan.FromSeconds(4);

    // What is due soon is done together: with hundreds of routers the timer would fire all the time.
    private static readonly TimeSpan Together = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Rounds = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly Dictionary<RouterNetns, Watched> _watched = [];
    private readonly TimeProvider _time;
    private readonly Action<RouterKey, ValueList<ObservedGateway>> _told;
    private readonly ITimer _timer;

    /// <param name="time">The clock.</param>
    /// <param name="told">Called on any thread with what is known of a router's gateways, when it is something else. It returns at once.</param>
    internal GatewayWatch(TimeProvider time, Action<RouterKey, ValueList<ObservedGateway>> told)
    {
        _time = time;
        _told = told;
        _timer = time.CreateTimer(_ => AskWhoIsDue(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The gateways that are asked on this link.</summary>
    internal ValueList<IPAddress> AskedOn(RouterNetns netns, int linkIndex)
    {
        lock (_lock)
        {
            return _watched.TryGetValue(netns, out Watched? watched) && watched.Link == linkIndex ? [.. watched.Gateways.Select(gateway => gateway.Address)] : [];
        }
    }

    /// <summary>Begins to ask.</summary>
    /// <param name="key">The router.</param>
    /// <param name="netns">Its netns, which has to stay open until <see cref="Stop"/>.</param>
    /// <param name="linkIndex">Its macvlan.</param>
    /// <param name="gateways">Whom to ask.</param>
    /// <param name="isOften">Every few seconds, not twice a minute.</param>
    internal void Start(RouterKey key, RouterNetns netns, int linkIndex, ValueList<IPAddress> gateways, bool isOften = false)
    {
        lock (_lock)
        {
            long now = _time.GetTimestamp();
            var watched = new Watched(key, netns.Route, linkIndex, [.. gateways.Select(address => new Gateway(address) { Due = now })], isOften ? WhileReachableOften : WhileReachable);
            _watched[netns] = watched;
            Ask(watched, now, isNews: true);
            SetTimer();
        }
    }

    /// <summary>Asks no more: what it was asked by may go.</summary>
    internal void Stop(RouterNetns netns)
    {
        lock (_lock)
        {
            if (_watched.Remove(netns, out Watched? watched))
            {
                _told(watched.Key, []);
            }
        }
    }

    public void Dispose() => _timer.Dispose();

    private void AskWhoIsDue()
    {
        lock (_lock)
        {
            long until = _time.GetTimestamp() + Ticks(Together);
            foreach (Watched watched in _watched.Values)
            {
                Ask(watched, until);
            }

            SetTimer();
        }
    }

    private void Ask(Watched watched, long until, bool isNews = false)
    {
        foreach (Gateway gateway in watched.Gateways)
        {
            if (gateway.Due > until)
            {
                continue;
            }

            bool? before = gateway.IsReachable;
            TimeSpan next;
            try
            {
                next = Ask(watched, gateway);
            }
            catch (LinuxException)
            {
                // The link is on its way out, or memory is short; a pass meets it too, and says so.
                next = WhileReachable;
            }

            long due = _time.GetTimestamp() + Ticks(next);
            gateway.Due = next < WhileReachable ? due : (due / Ticks(Rounds) * Ticks(Rounds)) + Ticks(Rounds);
            isNews |= gateway.IsReachable != before;
        }

        if (isNews)
        {
            _told(watched.Key, [.. watched.Gateways.Select(gateway => new ObservedGateway(gateway.Address, gateway.IsReachable))]);
        }
    }

    // Returns when to look again.
    private static TimeSpan Ask(Watched watched, Gateway gateway)
    {
        NeighbourState state = watched.Route.GetNeighbour(watched.Link, gateway.Address)?.State ?? NeighbourState.None;
        if ((state & (NeighbourState.Reachable | Fixed)) != 0)
        {
            gateway.IsReachable = true;
            gateway.AreAllAsked = false;
            if (gateway.IsAsked || (state & Fixed) != 0)
            {
                gateway.IsAsked = false;
                return watched.WhileReachable;
            }
        }

        if ((state & UnderWay) != 0)
        {
            return gateway.IsReachable == false ? WhileUnreachable : WhileAsked;
        }

        if (!CanAsk(watched, gateway.Address))
        {
            return gateway.Address.IsIPv4 ? WhileAsked : AtFirst;
        }

        gateway.IsAsked = true;
        if ((state & (NeighbourState.Reachable | NeighbourState.Stale | NeighbourState.Delay)) != 0)
        {
            watched.Route.ProbeNeighbour(watched.Link, gateway.Address);
            return WhileAsked;
        }

        // One who has another MAC now answers when all are asked: only when nobody does, it is unreachable.
        if ((state & NeighbourState.Failed) != 0 && gateway.AreAllAsked)
        {
            gateway.IsReachable = false;
        }

        bool isFirst = gateway.IsReachable is null && !gateway.AreAllAsked;
        gateway.AreAllAsked = true;
        watched.Route.ResolveNeighbour(watched.Link, gateway.Address);
        return isFirst ? AtFirst : WhileAsked;
    }

    // Without an IPv4 address on the link the kernel would ask with one of another link's, and show the inside address to the LAN. Without a
    // link-local one that duplicate detection is done with, which takes up to two seconds, it asks for no IPv6 neighbour, and says after three
    // attempts all the same that there is none.
    private static bool CanAsk(Watched watched, IPAddress gateway) => watched.Route.GetAddresses(watched.Link)
        .Any(address => gateway.IsIPv4 ? address.Address.IsIPv4 : address.Address.IsIPv6LinkLocal && !address.IsTentative);

    private void SetTimer()
    {
        long earliest = long.MaxValue;
        foreach (Watched watched in _watched.Values)
        {
            foreach (Gateway gateway in watched.Gateways)
            {
                earliest = Math.Min(earliest, gateway.Due);
            }
        }

        if (earliest < long.MaxValue)
        {
            double milliseconds = Math.Max(0, (double)(earliest - _time.GetTimestamp()) * 1000 / _time.TimestampFrequency);
            _timer.Change(TimeSpan.FromMilliseconds(Math.Ceiling(milliseconds)), Timeout.InfiniteTimeSpan);
        }
    }

    private long Ticks(TimeSpan time) => (long)(time.TotalSeconds * _time.TimestampFrequency);

    private sealed record Watched(RouterKey Key, RouteNetlink Route, int Link, Gateway[] Gateways, TimeSpan WhileReachable);

    private sealed class Gateway(IPAddress address)
    {
        internal IPAddress Address => address;

        internal bool? IsReachable { get; set; }

        /// <summary>Whether an answer that is there now was asked for.</summary>
        internal bool IsAsked { get; set; }

        /// <summary>Whether the question went to all hosts, not to the one that had the address.</summary>
        internal bool AreAllAsked { get; set; }

        internal long Due { get; set; }
    }
}
