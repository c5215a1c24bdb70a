using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Registry;

/// <summary>What outlives the agent of one resource.</summary>
/// <param name="Id">What it is.</param>
/// <param name="Generation">How many different specs were accepted, from 1.</param>
public abstract record ResourceRecord(ResourceKey Id, long Generation)
{
    internal abstract ValueList<InterfaceAddress> Addresses { get; }

    /// <summary>The resource as it was, with those of its addresses that it still has.</summary>
    internal abstract RegisteredResource ToResource(ValueList<InterfaceAddress> addresses);
}

/// <summary>What outlives the agent of one router.</summary>
/// <param name="LastGood">The last document that was valid, and where it stands, or stood.</param>
/// <param name="Generation">How many different specs were accepted, from 1.</param>
/// <param name="Allocation">Its inside addresses and its MAC.</param>
/// <param name="IsRemoved">Whether no file wanted it any more; the kernel may still have something of it.</param>
/// <param name="Footing">Where it stood when it was in force last; null when that was not noted.</param>
public sealed record RouterRecord(
    EgressRouterResource LastGood, long Generation, RouterAllocation Allocation, bool IsRemoved = false, RouterFooting? Footing = null)
    : ResourceRecord(LastGood.Id, Generation)
{
    public RouterKey Key => LastGood.Key;

    /// <summary>What became of it, the oldest first.</summary>
    public ValueList<RouterEvent> History { get; init; } = [];

    internal override ValueList<InterfaceAddress> Addresses => Allocation.InsideAddresses;

    internal override RegisteredResource ToResource(ValueList<InterfaceAddress> addresses) => new RegisteredRouter
    {
        Id = Id,
        Source = LastGood.Source,
        Wanted = IsRemoved ? null : LastGood,
        LastGood = LastGood,
        IsRemoved = IsRemoved,
        Generation = Generation,
        Allocation = Allocation with { InsideAddresses = addresses },
        History = History,
        Footing = Footing,
    };
}

/// <summary>What outlives the agent of one Service.</summary>
/// <param name="LastGood">The last document that was valid, and where it stands, or stood.</param>
/// <param name="Generation">How many different specs were accepted, from 1.</param>
/// <param name="ClusterAddresses">The addresses that it was given.</param>
public sealed record ServiceRecord(ServiceResource LastGood, long Generation, ValueList<InterfaceAddress> ClusterAddresses)
    : ResourceRecord(LastGood.Id, Generation)
{
    internal override ValueList<InterfaceAddress> Addresses => ClusterAddresses;

    internal override RegisteredResource ToResource(ValueList<InterfaceAddress> addresses) => new RegisteredService
    {
        Id = Id,
        Source = LastGood.Source,
        Wanted = LastGood,
        LastGood = LastGood,
        Generation = Generation,
        ClusterAddresses = addresses,
    };
}

/// <summary>Where <see cref="ResourceRecord"/>s are kept. Thread-safe.</summary>
public interface IResourceStore
{
    /// <summary>For people: what they look at when it does not work.</summary>
    string Path { get; }

    /// <exception cref="IOException">They cannot be read now; nothing was changed.</exception>
    IReadOnlyList<ResourceRecord> Load();

    /// <summary>Writes records, in place of those with the same keys, and forgets others. All of it is on disk when the call returns.</summary>
    /// <param name="changed">To be written.</param>
    /// <param name="gone">To be forgotten. That there is none is no error.</param>
    /// <param name="all">Everything that should be there then, for a store that turns out to be broken and is made anew.</param>
    /// <exception cref="IOException">It could not be written.</exception>
    void Write(IReadOnlyCollection<ResourceRecord> changed, IReadOnlyCollection<ResourceKey> gone, Func<IEnumerable<ResourceRecord>> all);
}
