using EgressAgent.Linux;
using EgressAgent.Linux.Sockets;

namespace EgressAgent.Engine.Relay;

/// <summary>
/// A loop's pipes. A direction borrows one only while bytes are on their way that its sink does not take yet, or while it
/// streams; an idle connection has none.
/// </summary>
internal sealed class PipePool : IDisposable
{
    /// <summary>Bytes wanted per pipe; the kernel then keeps 256 page references, 10 KiB, for it.</summary>
    internal const int PipeCapacity = 1 << 20;

    private const int Kept = 64;

    private readonly Stack<SplicePipe> _idle = new(Kept);

    /// <summary>An empty pipe; null when no descriptors are left.</summary>
    internal SplicePipe? TryTake() => _idle.TryPop(out SplicePipe? pipe) ? pipe : SplicePipe.TryCreate(PipeCapacity, out Errno _);

    /// <param name="pipe">Comes back.</param>
    /// <param name="isEmpty">A pipe with bytes in it is of no use to anyone else.</param>
    internal void Return(SplicePipe pipe, bool isEmpty)
    {
        if (isEmpty && _idle.Count < Kept)
        {
            _idle.Push(pipe);
        }
        else
        {
            pipe.Dispose();
        }
    }

    public void Dispose()
    {
        while (_idle.TryPop(out SplicePipe? pipe))
        {
            pipe.Dispose();
        }
    }
}
