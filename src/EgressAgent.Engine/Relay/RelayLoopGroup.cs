namespace EgressAgent.Engine.Relay;

/// <summary>
/// The threads that carry all routers' relayed traffic. Each runs one epoll loop in the network namespace in which the group
/// was made; a router's sockets keep the namespace in which they were created, so hundreds of routers share a few threads.
/// </summary>
internal sealed class RelayLoopGroup : IDisposable
{
    private readonly List<RelayLoop> _loops = [];

    /// <param name="threads">How many; null for one per processor, at most four.</param>
    /// <param name="timeProvider">Where time comes from; null for the system's.</param>
    /// <exception cref="Linux.LinuxException">No descriptors are left.</exception>
    public RelayLoopGroup(int? threads = null, TimeProvider? timeProvider = null)
    {
        int count = threads ?? Math.Min(Environment.ProcessorCount, 4);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count, nameof(threads));
        TimeProvider = timeProvider ?? TimeProvider.System;
        try
        {
            for (int index = 0; index < count; index++)
            {
                _loops.Add(RelayLoop.Start(index, TimeProvider));
            }
        }
        catch (Linux.LinuxException)
        {
            Dispose();
            throw;
        }
    }

    internal TimeProvider TimeProvider { get; }

    internal IReadOnlyList<RelayLoop> Loops => _loops;

    /// <summary>Stops the threads. Every relay on them is disposed of before.</summary>
    public void Dispose()
    {
        foreach (RelayLoop loop in _loops)
        {
            loop.Dispose();
        }
    }
}
