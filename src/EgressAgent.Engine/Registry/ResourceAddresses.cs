using System.Net.NetworkInformation;
using System.Net.Sockets;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Registry;

/// <summary>
/// What routers and Services are given: inside addresses and a MAC, or addresses of the service networks. Not thread-safe.
/// </summary>
/// <param name="configuration">For the networks.</param>
/// <param name="machineId">From which MAC addresses are derived.</param>
internal sealed class ResourceAddresses(AgentConfiguration configuration, string machineId)
{
    private readonly AddressBook _inside = new(AddressBook.Inside, configuration.InsideNetworks);
    private readonly AddressBook _service = new(AddressBook.Service, configuration.ServiceNetworks);
    private readonly ValueList<AddressFamily> _serviceFamilies = configuration.ServiceNetworks.Select(network => network.BaseAddress.AddressFamily).ToValueList();

    internal static bool HasPins(RegisteredResource resource) => resource.WantedResource switch
    {
        EgressRouterResource router => router.Spec.PinnedInsideAddresses.Count > 0,
        ServiceResource service => service.Spec.PinnedAddresses.Count > 0,
        _ => false,
    };

    /// <summary>Gives a resource that is wanted what it asks for; what it has and still asks for stays.</summary>
    internal RegisteredResource Allocate(RegisteredResource resource) =>
        resource is RegisteredRouter router ? Allocate(router) : Allocate((RegisteredService)resource);

    /// <inheritdoc cref="Allocate(RegisteredResource)"/>
    internal RegisteredRouter Allocate(RegisteredRouter router)
    {
        EgressRouterSpec spec = router.Wanted!.Spec;
        ValueList<InterfaceAddress> inside = _inside.Allocate(
            router.Key, spec.PinnedInsideAddresses, spec.Addresses.Select(address => address.Address.Family).Distinct().Order(), out PlanProblem? problem);
        IEnumerable<InterfaceAddress> given = inside.Except(router.Allocation?.InsideAddresses ?? []);
        return router with
        {
            Allocation = new RouterAllocation(inside, InsideAddressAllocator.DeriveMac(machineId, router.Key)),
            AllocationProblem = problem,
            MustBeSaved = router.MustBeSaved || !AddressBook.AreDerived(router.Key, spec.PinnedInsideAddresses, given),
        };
    }

    /// <summary>Takes over what a resource had.</summary>
    /// <returns>What it has of that: the addresses that are still free and of networks that are still set.</returns>
    internal ValueList<InterfaceAddress> Restore(ResourceRecord record) =>
        (record.Id.Kind == ResourceKind.EgressRouter ? _inside : _service).Restore(record.Id, record.Addresses);

    /// <summary>A router that the kernel shows and nothing else knows, with what it has there.</summary>
    internal RegisteredRouter Adopt(RouterKey key, ValueList<InterfaceAddress> inside, PhysicalAddress? mac) => new()
    {
        Id = key,
        Allocation = new RouterAllocation(_inside.Restore(key, inside), mac ?? InsideAddressAllocator.DeriveMac(machineId, key)),
    };

    /// <summary>Frees what a resource had.</summary>
    internal void Release(ResourceKey key)
    {
        _inside.Release(key);
        _service.Release(key);
    }

    private RegisteredService Allocate(RegisteredService service)
    {
        ServiceSpec spec = service.Wanted!.Spec;
        ValueList<AddressFamily> families = spec.IsHeadless ? [] : spec.FamiliesOf(_serviceFamilies);
        ValueList<InterfaceAddress> given = _service.Allocate(service.Id, spec.PinnedAddresses, families, out PlanProblem? problem);
        return service with
        {
            ClusterAddresses = given,
            AllocationProblem = problem,
            MustBeSaved = service.MustBeSaved || !AddressBook.AreDerived(service.Id, spec.PinnedAddresses, given.Except(service.ClusterAddresses)),
        };
    }
}
