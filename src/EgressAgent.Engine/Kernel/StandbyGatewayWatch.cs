using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Linux;
using EgressAgent.Linux.Arp;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Ndp;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// Asks the gateways of routers that are standby on this node, from the master with the node's own MAC and address: a frame with the
/// router's would have switches deliver to the wrong node. Routers of one network share a question. Thread-safe.
/// </summary>
/// <param name="node">Where the masters are.</param>
/// <param name="route">The same.</param>
/// <param name="findLink">What is known of a master.</param>
/// <param name="time">The clock.</param>
/// <param name="told">
/// Called on any thread with what is known of a router's gateways, when it is something else; it may come a moment after a router is
/// asked for no more. It returns at once.
/// </param>
internal sealed class StandbyGatewayWatch(
    NetworkNamespace node, RouteNetlink route, Func<int, Link?> findLink, TimeProvider time, Action<RouterKey, ValueList<ObservedGateway>> told) : IDisposable
{
    private const int QuestionCount = 3;

    // A gateway that is busy for a moment is there all the same.
    private const int LooksUntilSilent = 2;

    private static readonly TimeSpan AnswerTime = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private readonly Lock _asking = new();
    private readonly Dictionary<RouterKey, Watched> _watched = [];
    private readonly Dictionary<Place, int> _silent = [];
    private ITimer? _timer;
    private bool _isOver;

    /// <summary>Asks from now on. It returns at once.</summary>
    /// <param name="key">The router.</param>
    /// <param name="standby">What is in force of it while it is a standby; null to ask no more.</param>
    internal void Watch(RouterKey key, DesiredRouter? standby)
    {
        lock (_lock)
        {
            if (standby is not { StandbyGateways.Count: > 0 })
            {
                _watched.Remove(key);
                return;
            }

            Place[] places = [.. standby.StandbyGateways.Select(gateway => new Place(standby.Macvlan.MasterIndex, gateway))];
            if (!_isOver && (_watched.GetValueOrDefault(key) is not { } watched || !watched.Places.SequenceEqual(places)))
            {
                _watched[key] = new Watched(places);
                _timer ??= time.CreateTimer(_ => AskAll(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                _timer.Change(TimeSpan.Zero, Timeout.InfiniteTimeSpan);
            }
        }
    }

    public void Dispose()
    {
        ITimer? timer;
        lock (_lock)
        {
            (timer, _isOver) = (_timer, true);
            _watched.Clear();
        }

        timer?.Dispose();

        // One that is under way ends first.
        lock (_asking)
        {
        }
    }

    private void AskAll()
    {
        lock (_asking)
        {
            Place[] places;
            lock (_lock)
            {
                places = [.. _watched.Values.SelectMany(watched => watched.Places).Distinct()];
            }

            foreach (Place place in places)
            {
                bool? isReachable = Ask(place) switch
                {
                    true => true,
                    false when _silent[place] >= LooksUntilSilent => false,
                    _ => null,
                };
                foreach ((RouterKey key, ValueList<ObservedGateway> gateways) in Note(place, isReachable))
                {
                    told(key, gateways);
                }
            }

            foreach (Place former in _silent.Keys.Except(places).ToArray())
            {
                _silent.Remove(former);
            }

            lock (_lock)
            {
                if (_watched.Count > 0)
                {
                    _timer?.Change(Interval, Timeout.InfiniteTimeSpan);
                }
            }
        }
    }

    // What may be wrong, and is not known to be yet, leaves what was known. Who is told may hold a lock with which it asks for more.
    private List<(RouterKey Key, ValueList<ObservedGateway> Gateways)> Note(Place place, bool? isReachable)
    {
        List<(RouterKey, ValueList<ObservedGateway>)> news = [];
        lock (_lock)
        {
            foreach ((RouterKey key, Watched watched) in _watched.Where(pair => pair.Value.Places.Contains(place)))
            {
                bool? before = watched.Answers.GetValueOrDefault(place.Gateway);
                bool? now = isReachable ?? before;
                if (!watched.IsTold || now != before)
                {
                    watched.Answers[place.Gateway] = now;
                    watched.IsTold = true;
                    news.Add((key, [.. watched.Places.Select(asked => new ObservedGateway(asked.Gateway, watched.Answers.GetValueOrDefault(asked.Gateway)))]));
                }
            }
        }

        return news;
    }

    // Null when nobody can be asked now: of a master that is down its own condition tells.
    private bool? Ask(Place place)
    {
        if (findLink(place.Master) is not { IsUp: true, HasCarrier: true } master)
        {
            return null;
        }

        try
        {
            bool hasAnswered = (place.Gateway.IsIPv4 ? AskIPv4(master, place.Gateway)
                : NdpSocket.FindHolder(node, master.Index, master.MacAddress, place.Gateway, QuestionCount, AnswerTime)) is not null;
            _silent[place] = hasAnswered ? 0 : _silent.GetValueOrDefault(place) + 1;
            return hasAnswered;
        }
        catch (LinuxException)
        {
            // The master is on its way out, or has no address of the family to ask with.
            return null;
        }
    }

    private PhysicalAddress? AskIPv4(Link master, IPAddress gateway)
    {
        IReadOnlyList<LinkAddress> addresses = [.. route.GetAddresses(master.Index).Where(address => address.Address.IsIPv4)];
        IPAddress from = (addresses.FirstOrDefault(address => new InterfaceAddress(address.Address, address.PrefixLength).Network.Contains(gateway)) ?? addresses.FirstOrDefault())?.Address ?? IPAddress.Any;
        using ArpSocket socket = ArpSocket.Open(node, master.Index, master.MacAddress);
        return ArpInquiry.FindNeighbour(socket, from, gateway, QuestionCount, AnswerTime);
    }

    private readonly record struct Place(int Master, IPAddress Gateway);

    private sealed class Watched(Place[] places)
    {
        internal Place[] Places => places;

        internal Dictionary<IPAddress, bool?> Answers { get; } = [];

        internal bool IsTold { get; set; }
    }
}
