using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Registry;

/// <summary>What outlives the agent of one router.</summary>
/// <param name="LastGood">The last document that was valid, and where it stands, or stood.</param>
/// <param name="Generation">How many different specs were accepted, from 1.</param>
/// <param name="Allocation">Its inside addresses and its MAC.</param>
/// <param name="IsRemoved">Whether no file wanted it any more; the kernel may still have something of it.</param>
public sealed record RouterRecord(EgressRouterResource LastGood, long Generation, RouterAllocation Allocation, bool IsRemoved = false)
{
    public RouterKey Key => LastGood.Key;
}

/// <summary>Where <see cref="RouterRecord"/>s are kept. Thread-safe.</summary>
public interface IRouterStore
{
    /// <summary>For people: what they look at when it does not work.</summary>
    string Path { get; }

    /// <exception cref="IOException">They cannot be read now; nothing was changed.</exception>
    IReadOnlyList<RouterRecord> Load();

    /// <summary>Writes records, in place of those with the same keys, and forgets others. All of it is on disk when the call returns.</summary>
    /// <param name="changed">To be written.</param>
    /// <param name="gone">To be forgotten. That there is none is no error.</param>
    /// <param name="all">Everything that should be there then, for a store that turns out to be broken and is made anew.</param>
    /// <exception cref="IOException">It could not be written.</exception>
    void Write(IReadOnlyCollection<RouterRecord> changed, IReadOnlyCollection<RouterKey> gone, Func<IEnumerable<RouterRecord>> all);
}
