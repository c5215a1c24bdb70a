namespace EgressAgent.Daemon.Bus;

/// <summary>
/// Gives back the memory that calls took. A collector that runs by itself waits for more to be allocated, and an agent that is idle
/// allocates nothing: what one caller had it read would stay resident for days.
/// </summary>
internal sealed class HeapTrim
{
    private const long WorthIt = 4 * 1024 * 1024;

    private long _base = Size;

    // What is committed is known as of the last collection, and what was allocated since then comes on top.
    private static long Size => Math.Max(GC.GetGCMemoryInfo().TotalCommittedBytes, GC.GetTotalMemory(forceFullCollection: false));

    /// <summary>Collects if it is worth it. Takes some milliseconds, for which every managed thread stands still.</summary>
    internal void Run()
    {
        if (Size > _base + WorthIt)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            _base = Size;
        }
    }
}
