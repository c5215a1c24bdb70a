using System.Net;
using System.Net.Sockets;
using EgressAgent.Linux;
using EgressAgent.Linux.Bpf;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model;

namespace EgressAgent.Engine.Relay;

/// <summary>
/// What listens at a router's inside addresses. Where the kernel has sk_lookup, one TCP listener for each family takes all the
/// ports that have a rule, or every port when there is a fallback: ten thousand rules cost no descriptor, an edit is one map
/// entry, and what has no rule is refused during the handshake, as is a client that is not admitted. Elsewhere each TCP rule
/// has a listener of its own and a fallback cannot be served. A UDP rule has a socket of its own in both cases, since a reply
/// leaves from the port that its socket is bound to.
/// </summary>
internal sealed partial class Ingress : IDisposable
{
    private static readonly IPNetwork[] Everyone = [IPNetwork.Parse("0.0.0.0/0"), IPNetwork.Parse("::/0")];

    private readonly RelayDatapath _datapath;
    private readonly ValueList<IPAddress> _addresses;
    private readonly string? _interface;
    private readonly PortSteering? _steering;
    private readonly string _unsteerable;
    private HashSet<IPNetwork> _admitted = [];

    internal Ingress(RelayDatapath datapath, RelayPlan plan)
    {
        _datapath = datapath;
        _addresses = AddressesOf(plan);
        _interface = plan.InsideInterface;
        (_steering, _unsteerable) = datapath.Options.UsesSteering ? Enter(Attach) : (null, "it is switched off");
    }

    /// <summary>Whether the plan has the inside addresses and the interface for which this was made.</summary>
    internal bool Serves(RelayPlan plan) => _interface == plan.InsideInterface && _addresses.Equals(AddressesOf(plan));

    /// <summary>Opens what the table has more than before and closes what it has no longer.</summary>
    /// <param name="routes">Already in force for what is accepted.</param>
    /// <param name="shortfalls">Takes what cannot be served.</param>
    internal void Update(RouteTable routes, List<RelayShortfall> shortfalls)
    {
        UpdateClients(routes.Plan.Clients ?? Everyone.ToValueList());
        UpdateTcp(routes, shortfalls);
        UpdateUdp(routes, shortfalls);
    }

    public void Dispose()
    {
        foreach (SteeringKey place in _listeners.Keys.ToList())
        {
            CloseListener(place);
        }

        foreach (SteeringKey place in _udpPorts.Keys.Concat(_udpCatchAlls.Keys).ToList())
        {
            CloseUdp(place);
        }

        _steering?.Dispose();
    }

    private static ValueList<IPAddress> AddressesOf(RelayPlan plan) => plan.Families.Select(family => family.Inside).ToValueList();

    private (PortSteering? Steering, string Reason) Attach()
    {
        var scope = new SteeringScope(Inside(AddressFamily.InterNetwork), Inside(AddressFamily.InterNetworkV6), _interface);
        PortSteering? steering = PortSteering.TryAttach(scope, out LinuxException? unavailable);
        return (steering, unavailable?.Message ?? "");
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

    private SocketEndpoint InsideOf(SteeringKey place) =>
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
        _datapath.RunInNetworkNamespace(() => result = action());
        return result!;
    }
}
