using EgressAgent.Model;

namespace EgressAgent.Engine.Traffic;

/// <summary>Where the counters of routers are kept. Thread-safe.</summary>
public interface ITrafficStore
{
    /// <summary>Raised when what was kept is lost, on the thread that found that out. Handlers return at once.</summary>
    event Action? Emptied;

    /// <exception cref="IOException">They cannot be read now; nothing was changed.</exception>
    IReadOnlyList<TrafficRecord> LoadTraffic();

    /// <summary>Writes records, in place of those with the same keys, and forgets others. All of it is on disk when the call returns.</summary>
    /// <exception cref="IOException">It could not be written.</exception>
    void WriteTraffic(IReadOnlyCollection<TrafficRecord> changed, IReadOnlyCollection<RouterKey> gone);
}

/// <summary>What outlives the agent of a router's counters.</summary>
/// <param name="Key">The router.</param>
/// <param name="Counts">As <see cref="RouterTally"/> writes them.</param>
public sealed record TrafficRecord(RouterKey Key, byte[] Counts);
