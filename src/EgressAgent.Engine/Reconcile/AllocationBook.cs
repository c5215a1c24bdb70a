using System.Net;
using System.Net.Sockets;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Configuration;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Reconcile;

/// <summary>
/// Knows which inside address belongs to which router. An address is handed out once and stays with its router until that is
/// removed. Thread-safe.
/// </summary>
internal sealed class AllocationBook(AgentConfiguration configuration, string machineId)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<RouterKey, RouterAllocation> _allocations = [];
    private readonly Dictionary<IPAddress, RouterKey> _owners = [];

    /// <summary>Books what a router already has; what belongs to another, or lies in no inside network, is left out.</summary>
    internal void Restore(RouterKey key, RouterAllocation allocation)
    {
        lock (_lock)
        {
            Book(key, allocation with
            {
                InsideAddresses = allocation.InsideAddresses
                    .Where(address => configuration.InsideNetworks.Contains(address.Network) && IsFreeFor(key, address.Address))
                    .ToValueList(),
            });
        }
    }

    /// <summary>The router's allocation, with an inside address for each of the families that has a network.</summary>
    /// <exception cref="InsideNetworkExhaustedException">A network has no free address left.</exception>
    internal RouterAllocation Allocate(RouterKey key, IEnumerable<AddressFamily> families)
    {
        lock (_lock)
        {
            RouterAllocation allocation = _allocations.GetValueOrDefault(key)
                ?? new RouterAllocation([], InsideAddressAllocator.DeriveMac(machineId, key));
            List<InterfaceAddress> addresses = [];
            foreach (AddressFamily family in families)
            {
                if (allocation.InsideAddresses.FirstOrDefault(address => address.Family == family) is { } known)
                {
                    addresses.Add(known);
                }
                else if (configuration.InsideNetworks.Where(network => network.BaseAddress.AddressFamily == family).ToArray() is [var network])
                {
                    addresses.Add(InsideAddressAllocator.Allocate(network, Taken()) ?? throw new InsideNetworkExhaustedException(network));
                }
            }

            allocation = allocation with { InsideAddresses = addresses.ToValueList() };
            Book(key, allocation);
            return allocation;
        }
    }

    /// <summary>Frees what a removed router had.</summary>
    internal void Release(RouterKey key)
    {
        lock (_lock)
        {
            if (_allocations.Remove(key, out RouterAllocation? allocation))
            {
                Forget(allocation);
            }
        }
    }

    private HashSet<IPAddress> Taken() => [.. _owners.Keys];

    private bool IsFreeFor(RouterKey key, IPAddress address) => !_owners.TryGetValue(address, out RouterKey owner) || owner == key;

    private void Book(RouterKey key, RouterAllocation allocation)
    {
        if (_allocations.TryGetValue(key, out RouterAllocation? before))
        {
            Forget(before);
        }

        _allocations[key] = allocation;
        foreach (InterfaceAddress address in allocation.InsideAddresses)
        {
            _owners[address.Address] = key;
        }
    }

    private void Forget(RouterAllocation allocation)
    {
        foreach (InterfaceAddress address in allocation.InsideAddresses)
        {
            _owners.Remove(address.Address);
        }
    }
}
