namespace EgressAgent.Daemon.Bus;

/// <summary>
/// Gives back the memory that calls and passes took. A collector that runs by itself waits for more to be allocated, and an agent that is
/// idle allocates nothing: what one caller had it read, or hundreds of routers that were looked at, would stay resident for days.
/// Thread-safe.
/// </summary>
internal static class HeapTrim
{
    private const long WorthIt = 4 * 1024 * 1024;

    private static readonly Lock Gate = new();

    // What was left the last time.
    private static long _base;

    // What is committed is known as of the last collection, and what was allocated since then comes on top.
    private static long Size => Math.Max(GC.GetGCMemoryInfo().TotalCommittedBytes, GC.GetTotalMemory(forceFullCollection: false));

    /// <summary>Collects if it is worth it. Takes some milliseconds, for which every managed thread stands still.</summary>
    internal static void Run()
    {
        lock (Gate)
        {
            if (Size > _base + WorthIt)
            {
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                _base = Size;
            }
        }
    }
}
