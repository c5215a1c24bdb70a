using System.Net;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Registry;

/// <summary>
/// Which address of the inside networks, or of those of Services, belongs to whom. An address is handed out once and stays with its
/// owner until that gives it back. Not thread-safe.
/// </summary>
/// <param name="kind">What the addresses are.</param>
/// <param name="networks">At most one for each family.</param>
internal sealed class AddressBook(AddressBook.AddressKind kind, ValueList<IPNetwork> networks)
{
    internal static readonly AddressKind Inside = new("inside", "insideNetworks");
    internal static readonly AddressKind Service = new("service", "serviceNetworks");

    private readonly Dictionary<IPAddress, ResourceKey> _owners = [];
    private readonly Dictionary<ResourceKey, ValueList<InterfaceAddress>> _addresses = [];

    /// <summary>Books what a resource already has; what belongs to another, or lies in no network, is left out.</summary>
    /// <returns>What is booked.</returns>
    internal ValueList<InterfaceAddress> Restore(ResourceKey key, ValueList<InterfaceAddress> addresses) => Book(
        key, addresses.Where(address => networks.Contains(address.Network) && IsFreeFor(key, address.Address)).ToValueList());

    /// <summary>
    /// Books an address for each of the families that has a network: the one that is pinned, else the one that the resource has, else
    /// the one that follows from its key, else the next one that is free.
    /// </summary>
    /// <param name="key">Whose they are.</param>
    /// <param name="pins">At most one for each family.</param>
    /// <param name="families">The others that it had are given back.</param>
    /// <param name="problem">Why one of them is missing, or is not the one that is pinned.</param>
    internal ValueList<InterfaceAddress> Allocate(
        ResourceKey key, IReadOnlyList<IPAddress> pins, IEnumerable<System.Net.Sockets.AddressFamily> families, out PlanProblem? problem)
    {
        ValueList<InterfaceAddress> known = _addresses.GetValueOrDefault(key, []);
        List<InterfaceAddress> addresses = [];
        problem = null;
        foreach (IPNetwork network in families.SelectMany(family => networks.Where(network => network.BaseAddress.AddressFamily == family)))
        {
            IPAddress? pin = pins.FirstOrDefault(pin => pin.AddressFamily == network.BaseAddress.AddressFamily);
            PlanProblem? refusal = pin is null ? null : WhyNot(key, network, pin);
            problem ??= refusal;
            if (pin is not null && refusal is null)
            {
                addresses.Add(new InterfaceAddress(pin, network.PrefixLength));
            }
            else if (known.FirstOrDefault(address => address.Network.Equals(network)) is { } own)
            {
                addresses.Add(own);
            }
            else if (pin is null && InsideAddressAllocator.Allocate(network, key, candidate => !IsFreeFor(key, candidate)) is { } free)
            {
                addresses.Add(free);
            }
            else
            {
                problem ??= new PlanProblem(
                    PlanReasons.InsideNetworkExhausted,
                    $"the {kind.Word} network {network} has no free address left; set a larger one in {kind.Setting} of /etc/egress-agentd/agentd.yaml");
            }
        }

        return Book(key, addresses.ToValueList());
    }

    /// <summary>Whether anyone who has the same files would find each of the addresses again.</summary>
    internal static bool AreDerived(ResourceKey key, IReadOnlyList<IPAddress> pins, IEnumerable<InterfaceAddress> addresses) =>
        addresses.All(address => pins.Contains(address.Address) || address.Equals(InsideAddressAllocator.Derive(address.Network, key)));

    /// <summary>Frees what a resource had.</summary>
    internal void Release(ResourceKey key)
    {
        foreach (InterfaceAddress address in _addresses.GetValueOrDefault(key, []))
        {
            _owners.Remove(address.Address);
        }

        _addresses.Remove(key);
    }

    private PlanProblem? WhyNot(ResourceKey key, IPNetwork network, IPAddress pin)
    {
        string? why = !network.Contains(pin)
            ? $"is not in the {kind.Word} network {network} ({kind.Setting} of /etc/egress-agentd/agentd.yaml)"
            : pin.Equals(InsideAddressAllocator.NodeAddress(network)) ? "is the node's own"
            : !IsFreeFor(key, pin) ? $"belongs to the {_owners[pin].Title}, which has it for as long as it exists"
            : null;
        return why is null ? null : new PlanProblem(PlanReasons.InsideAddressRefused, $"the pinned {kind.Word} address {pin} {why}");
    }

    private bool IsFreeFor(ResourceKey key, IPAddress address) => !_owners.TryGetValue(address, out ResourceKey owner) || owner == key;

    private ValueList<InterfaceAddress> Book(ResourceKey key, ValueList<InterfaceAddress> addresses)
    {
        Release(key);
        _addresses[key] = addresses;
        foreach (InterfaceAddress address in addresses)
        {
            _owners[address.Address] = key;
        }

        return addresses;
    }

    /// <summary>What the addresses of a book are.</summary>
    /// <param name="Word">Before "network" and "address".</param>
    /// <param name="Setting">Where the networks are set.</param>
    internal sealed record AddressKind(string Word, string Setting);
}
