using System.Net;
using System.Net.Sockets;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Planning;

/// <summary>A router behind a Service, as the planner needs it.</summary>
/// <param name="Key">The router.</param>
/// <param name="Labels">Its labels.</param>
/// <param name="InsideAddresses">The addresses at which its link to the Services is in force; none while it is not.</param>
/// <param name="IsAvailable">Whether it takes connections.</param>
/// <param name="Mtu">What it carries, bytes.</param>
/// <param name="CutOff">The families whose gateway does not answer, or is the node itself.</param>
public sealed record ServiceCandidate(
    RouterKey Key, IReadOnlyDictionary<string, string> Labels, ValueList<IPAddress> InsideAddresses, bool IsAvailable, int Mtu, ValueList<AddressFamily> CutOff)
{
    /// <summary>Whether it waits for being the holder, with all that it needs.</summary>
    public bool IsStandby { get; init; }

    /// <summary>Those that it asks for.</summary>
    public ValueList<IPAddress> ReservedAddresses { get; init; } = [];

    /// <summary>The networks in which it can claim an external address.</summary>
    public ValueList<IPNetwork> Networks { get; init; } = [];
}

/// <summary>Works out what must be in the kernel for Services: a pure function of them, of the routers, of settings and of the node.</summary>
public static class ServicePlanner
{
    /// <param name="services">Those that are to run, with their addresses.</param>
    /// <param name="candidates">All routers.</param>
    /// <param name="node">The node's network.</param>
    /// <param name="configuration">The agent's settings.</param>
    /// <param name="problem">Why a network is left out; null when none is.</param>
    public static ServicePlan Plan(
        IEnumerable<(ServiceResource Service, ValueList<InterfaceAddress> Addresses)> services,
        IReadOnlyList<ServiceCandidate> candidates,
        ObservedNode node,
        AgentConfiguration configuration,
        out PlanProblem? problem)
    {
        (ServiceResource Service, ValueList<InterfaceAddress> Addresses)[] all = [.. services];
        problem = null;
        List<ServiceNetwork> networks = [];
        foreach (IPNetwork network in configuration.ServiceNetworks.Where(network => all.Any(service => service.Addresses.Any(address => address.Network.Equals(network)))))
        {
            PlanProblem? conflict = NetworkConflicts.Find(network, "service network", "serviceNetworks", node) is { } message
                ? new PlanProblem(PlanReasons.ServiceNetworkConflict, message)
                : null;
            problem ??= conflict;
            if (conflict is null && NodeAddressOf(network, configuration) is { } own)
            {
                networks.Add(new ServiceNetwork(network, own));
            }
        }

        return new ServicePlan
        {
            Networks = networks.ToValueList(),
            Mtu = candidates.Where(candidate => candidate.InsideAddresses.Count > 0).Select(candidate => candidate.Mtu).DefaultIfEmpty(ServicePlan.DefaultMtu).Min(),
            Entries =
            [
                .. from service in all
                   let selected = candidates.Where(candidate => service.Service.Selects(candidate.Key, candidate.Labels)).ToArray()
                   from address in service.Addresses
                   where networks.Any(network => network.Network.Equals(address.Network))
                   let targets = TargetsOf(selected, address.Address.AddressFamily)
                   from port in service.Service.Spec.Ports
                   select Entry(service.Service, address.Address, port, targets),
            ],
        };
    }

    /// <summary>
    /// The routers that new connections go to. One whose gateway does not answer is left out while there is another: without one it is
    /// given them all the same, since what is in its own subnet needs no gateway.
    /// </summary>
    /// <param name="selected">Those that the Service selects.</param>
    /// <param name="family">Of the address at which the clients come.</param>
    public static IReadOnlyList<ServiceCandidate> ChooseFrom(IReadOnlyList<ServiceCandidate> selected, AddressFamily family)
    {
        ServiceCandidate[] available =
            [.. selected.Where(candidate => candidate.IsAvailable && candidate.InsideAddresses.Any(inside => inside.AddressFamily == family))];
        ServiceCandidate[] reaching = [.. available.Where(candidate => !candidate.CutOff.Contains(family))];
        return reaching.Length > 0 ? reaching : available;
    }

    // Without an inside network of the family no router has an address of it; the node still needs a source.
    private static IPAddress? NodeAddressOf(IPNetwork network, AgentConfiguration configuration) => configuration.InsideNetworks
        .Where(inside => inside.BaseAddress.AddressFamily == network.BaseAddress.AddressFamily)
        .Select(InsideAddressAllocator.NodeAddress)
        .FirstOrDefault();

    private static ValueList<ServiceTarget> TargetsOf(ServiceCandidate[] selected, AddressFamily family)
    {
        IReadOnlyList<ServiceCandidate> chosen = ChooseFrom(selected, family);
        return
        [
            .. from candidate in selected
               from inside in candidate.InsideAddresses
               where inside.AddressFamily == family
               select new ServiceTarget(inside, chosen.Contains(candidate)),
        ];
    }

    private static ServiceEntry Entry(ServiceResource service, IPAddress address, ServicePortSpec port, ValueList<ServiceTarget> targets) =>
        new(service.Id, address, port.Protocol, port.Port, port.TargetPort, service.Spec.ClientAffinity is not null, targets);
}
