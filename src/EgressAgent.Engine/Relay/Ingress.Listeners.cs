using EgressAgent.Linux;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Relay;

internal sealed partial class Ingress
{
    // With steering, one TCP listener for each family at port 0 of its key; one for each rule otherwise.
    private readonly Dictionary<IngressKey, Listener> _listeners = [];
    private readonly Dictionary<IngressKey, List<Acceptor>> _acceptors = [];
    private readonly HashSet<IngressKey> _steered = [];

    private void UpdateListeners(RedirectionTable redirections, List<PlanProblem> shortfalls)
    {
        var wanted = redirections.Redirections.Where(entry => !entry.Key.IsUdp).ToDictionary();
        foreach (IngressKey place in _listeners.Keys.Where(place => !IsSteered(place) && !wanted.ContainsKey(place)).ToList())
        {
            CloseListener(place);
        }

        foreach (IngressKey place in _steered.Where(place => !wanted.ContainsKey(place)).ToList())
        {
            _steering!.Remove(place.Steered);
            _steered.Remove(place);
        }

        foreach ((IngressKey place, Redirection redirection) in wanted)
        {
            if (!IsSteered(place) && place.Port == 0)
            {
                shortfalls.Add(RelayShortfalls.NoSteering(_unsteerable));
            }
            else if (!IsSteered(place))
            {
                TryOpenListener(place, redirection, shortfalls);
            }
            else if (!_steered.Contains(place) && TryOpenListener(place with { Port = 0 }, redirection, shortfalls))
            {
                TrySteer(place, redirection, shortfalls);
            }
        }
    }

    private void TrySteer(IngressKey place, Redirection redirection, List<PlanProblem> shortfalls)
    {
        try
        {
            _steering!.Steer(place.Steered);
            _steered.Add(place);
        }
        catch (LinuxException exception)
        {
            shortfalls.Add(RelayShortfalls.Of(redirection.Key.Rule, exception));
        }
    }

    private bool IsSteered(IngressKey place) => _steering is not null && place.Protocol == TransportProtocol.TCP;

    private bool TryOpenListener(IngressKey place, Redirection redirection, List<PlanProblem> shortfalls)
    {
        if (_listeners.ContainsKey(place))
        {
            return true;
        }

        SocketEndpoint local = InsideOf(place).WithPort(place.Port);
        Listener? opened = null;
        try
        {
            if (TakeKept(place, local) is { } kept)
            {
                opened = new Listener(place.Protocol, kept);
            }
            else
            {
                opened = Enter(() => Listener.Open(place.Protocol, local, _relay.Options));
                Kept?.Keep(place, opened.Handle);
            }

            if (IsSteered(place))
            {
                _steering!.SetSocket(place.Steered, opened.Descriptor);
            }
        }
        catch (LinuxException exception)
        {
            opened?.Dispose();
            Kept?.Forget(place);
            shortfalls.Add(RelayShortfalls.Of(redirection.Key.Rule, exception));
            return false;
        }

        Listener listener = opened;
        var acceptors = new List<Acceptor>();
        foreach (RelayShard shard in _relay.Shards)
        {
            shard.Loop.Invoke(() => acceptors.Add(new Acceptor(shard, listener)));
        }

        _listeners.Add(place, listener);
        _acceptors.Add(place, acceptors);
        return true;
    }

    private void CloseListener(IngressKey place)
    {
        foreach (Acceptor acceptor in _acceptors[place])
        {
            acceptor.Shard.Loop.Invoke(acceptor.Stop);
        }

        _listeners[place].Dispose();
        Kept?.Forget(place);
        _listeners.Remove(place);
        _acceptors.Remove(place);
    }
}
