using EgressAgent.Linux;
using EgressAgent.Linux.Bpf;
using EgressAgent.Linux.Sockets;

namespace EgressAgent.Engine.Relay;

internal sealed partial class Ingress
{
    // With steering, one listener for each family at port 0 of its key; without, one for each rule.
    private readonly Dictionary<SteeringKey, TcpListener> _listeners = [];
    private readonly Dictionary<SteeringKey, List<TcpAcceptor>> _acceptors = [];
    private readonly HashSet<SteeringKey> _steered = [];

    private void UpdateTcp(RouteTable routes, List<RelayShortfall> shortfalls)
    {
        var wanted = routes.Routes.Where(entry => !entry.Key.IsUdp).ToDictionary();
        if (_steering is null)
        {
            foreach (SteeringKey place in _listeners.Keys.Except(wanted.Keys).ToList())
            {
                CloseListener(place);
            }

            foreach ((SteeringKey place, Route route) in wanted)
            {
                if (place.Port == 0)
                {
                    shortfalls.Add(new RelayShortfall(null, $"the fallback needs sk_lookup (Linux 5.17): {_unsteerable}"));
                }
                else
                {
                    TryOpenListener(place, route, shortfalls);
                }
            }

            return;
        }

        foreach (SteeringKey place in _steered.Where(place => !place.IsUdp && !wanted.ContainsKey(place)).ToList())
        {
            _steering.Remove(place);
            _steered.Remove(place);
        }

        foreach ((SteeringKey place, Route route) in wanted)
        {
            if (!_steered.Contains(place) && TryOpenListener(new SteeringKey(place.IsIPv6, isUdp: false, 0), route, shortfalls))
            {
                _steering.Steer(place);
                _steered.Add(place);
            }
        }
    }

    private bool TryOpenListener(SteeringKey place, Route route, List<RelayShortfall> shortfalls)
    {
        if (_listeners.ContainsKey(place))
        {
            return true;
        }

        SocketEndpoint local = InsideOf(place).WithPort(place.Port);
        TcpListener listener;
        try
        {
            if (TakeKept(place, local) is { } kept)
            {
                listener = new TcpListener(kept);
            }
            else
            {
                listener = Enter(() => TcpListener.Open(local, _interface, _datapath.Options));
                Kept?.Keep(place, listener.Handle);
            }
        }
        catch (LinuxException exception)
        {
            shortfalls.Add(new RelayShortfall(route.Key.Rule, exception.Message));
            return false;
        }

        _steering?.SetSocket(place, listener.Descriptor);
        var acceptors = new List<TcpAcceptor>();
        foreach (RelayShard shard in _datapath.Shards)
        {
            shard.Loop.Invoke(() => acceptors.Add(new TcpAcceptor(shard, listener)));
        }

        _listeners.Add(place, listener);
        _acceptors.Add(place, acceptors);
        return true;
    }

    private void CloseListener(SteeringKey place)
    {
        foreach (TcpAcceptor acceptor in _acceptors[place])
        {
            acceptor.Shard.Loop.Invoke(acceptor.Stop);
        }

        _listeners[place].Dispose();
        Kept?.Forget(place);
        _listeners.Remove(place);
        _acceptors.Remove(place);
    }
}
