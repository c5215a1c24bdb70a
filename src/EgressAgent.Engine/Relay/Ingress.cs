using System.Net;
using System.Net.Sockets;
using EgressAgent.Linux;
using EgressAgent.Linux.Bpf;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;

namespace EgressAgent.Engine.Relay;

/// <summary>
/// What listens at a router's inside addresses. Where the kernel has sk_lookup, one TCP listener for each family takes all the
/// ports that have a rule, or every port when there is a fallback: ten thousand rules cost no descriptor, an edit is one map
/// entry, and what has no rule is refused during the handshake, as is a client that is not admitted. Elsewhere each TCP rule
/// has a listener of its own and a fallback cannot be served. An SCTP rule has one in both cases, as sk_lookup is not asked for it;
/// so has a UDP rule its own socket, since a reply leaves from the port that its socket is bound to.
/// </summary>
/// <remarks>
/// What an earlier process of the agent kept is taken over as it is, with the clients that wait in it. Its steering stays in force
/// until this one has all of its entries.
/// </remarks>
internal sealed partial class Ingress
{
    private static readonly IPNetwork[] Everyone = [IPNetwork.Parse("0.0.0.0/0"), IPNetwork.Parse("::/0")];

    private readonly RouterRelay _relay;
    private readonly ValueList<IPAddress> _addresses;
    private readonly PortSteering? _steering;
    private readonly string _unsteerable;
    private FileHandle? _formerSteering;
    private bool _isSteeringKept;
    private ulong _refusals;
    private HashSet<IPNetwork> _admitted = [];

    /// <exception cref="LinuxException">Steering cannot be had for now.</exception>
    internal Ingress(RouterRelay relay, RedirectPlan plan)
    {
        _relay = relay;
        _addresses = AddressesOf(plan);
        (_steering, _unsteerable) = relay.Options.UsesSteering ? Enter(Load) : (null, "it is switched off");
        _formerSteering = Kept?.TakeSteering();
    }

    /// <summary>How often a client was refused as no rule takes what it sent, by steering; 0 without it.</summary>
    internal ulong Refusals
    {
        get
        {
            try
            {
                return _refusals = _steering?.ReadRefusals() ?? 0;
            }
            catch (LinuxException)
            {
                // It closes all the same, and goes on with what was read before.
                return _refusals;
            }
        }
    }

    private KeptSockets? Kept => _relay.Kept;

    /// <summary>Whether the plan has the inside addresses for which this was made.</summary>
    internal bool Serves(RedirectPlan plan) => _addresses.Equals(AddressesOf(plan));

    /// <summary>Opens what the table has more than before and closes what it has no longer.</summary>
    /// <param name="redirections">Already in force for what is accepted.</param>
    /// <param name="shortfalls">Takes what cannot be served.</param>
    internal void Update(RedirectionTable redirections, List<PlanProblem> shortfalls)
    {
        UpdateClients(redirections.Clients ?? Everyone.ToValueList());
        UpdateListeners(redirections, shortfalls);
        UpdateUdp(redirections, shortfalls);
        if (!_isSteeringKept && _steering is not null)
        {
            // With all its entries: what the former one leaves to a socket of its own, this one would refuse until it has them.
            _steering.Attach();
            DropFormerSteering();
            Kept?.KeepSteering(_steering.Link);
            _isSteeringKept = true;
        }
    }

    /// <summary>Closes everything: clients are refused.</summary>
    internal void Close()
    {
        foreach (IngressKey place in Places)
        {
            Kept?.Forget(place);
        }

        if (_isSteeringKept)
        {
            Kept?.ForgetSteering();
        }

        DropFormerSteering();
        Leave();
    }

    /// <summary>Closes everything here; in what is kept elsewhere clients wait for the next process.</summary>
    internal void Leave()
    {
        foreach (Acceptor acceptor in _acceptors.Values.SelectMany(acceptors => acceptors))
        {
            acceptor.Shard.Loop.Invoke(acceptor.Stop);
        }

        foreach (Listener listener in _listeners.Values)
        {
            listener.Dispose();
        }

        foreach (UdpPort port in _udpPorts.Values)
        {
            port.Shard.Loop.Invoke(port.Stop);
        }

        foreach (UdpCatchAll catchAll in _udpCatchAlls.Values)
        {
            catchAll.Shard.Loop.Invoke(catchAll.Stop);
        }

        _formerSteering?.Dispose();
        _steering?.Dispose();
    }

    private IEnumerable<IngressKey> Places => [.. _listeners.Keys, .. _udpPorts.Keys, .. _udpCatchAlls.Keys];

    private void DropFormerSteering()
    {
        if (_formerSteering is not null)
        {
            _formerSteering.Dispose();
            _formerSteering = null;
            Kept?.ForgetSteering();
        }
    }

    // What an earlier process kept for the place, if it is what is wanted there now.
    private FileHandle? TakeKept(IngressKey place, SocketEndpoint local)
    {
        if (Kept?.Take(place) is not { } socket)
        {
            return null;
        }

        SocketEndpoint bound = NativeSocket.LocalEndpoint(socket.Descriptor);
        if (bound.WithPort(place.Port) == local && (place.Port == 0 || bound.Port == place.Port))
        {
            return socket;
        }

        socket.Dispose();
        Kept.Forget(place);
        return null;
    }

    private static ValueList<IPAddress> AddressesOf(RedirectPlan plan) => plan.Families.Select(family => family.Inside).ToValueList();

    private (PortSteering? Steering, string Reason) Load()
    {
        var steering = PortSteering.TryLoad(
            Inside(AddressFamily.InterNetwork), Inside(AddressFamily.InterNetworkV6), out LinuxException? unavailable);

        // Such a lack passes, and without steering it would be served otherwise for as long as it is served.
        return unavailable is not null && RelayShortfalls.IsLimit(unavailable.Errno) ? throw unavailable : (steering, unavailable?.Message ?? "");
    }

    private SocketEndpoint? Inside(AddressFamily family)
    {
        foreach (IPAddress inside in _addresses)
        {
            if (inside.AddressFamily == family)
            {
                return new SocketEndpoint(inside, 0);
            }
        }

        return null;
    }

    private SocketEndpoint InsideOf(IngressKey place) =>
        Inside(place.IsIPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork)!.Value;

    private void UpdateClients(IEnumerable<IPNetwork> clients)
    {
        if (_steering is null)
        {
            return;
        }

        var admitted = clients.ToHashSet();
        foreach (IPNetwork network in admitted.Except(_admitted))
        {
            _steering.Admit(network);
        }

        foreach (IPNetwork network in _admitted.Except(admitted))
        {
            _steering.StopAdmitting(network);
        }

        _admitted = admitted;
    }

    private T Enter<T>(Func<T> action)
    {
        T? result = default;
        _relay.RunInNetworkNamespace(() => result = action());
        return result!;
    }
}
