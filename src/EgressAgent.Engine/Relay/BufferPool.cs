using System.Runtime.InteropServices;

namespace EgressAgent.Engine.Relay;

/// <summary>
/// A loop's native buffers. One is read into again and again; a direction keeps it only when its sink did not take all of it,
/// and the loop goes on with another. An idle connection has none.
/// </summary>
internal sealed unsafe class BufferPool : IDisposable
{
    internal const int BufferSize = 32 * 1024;

    private const int Kept = 64;

    private readonly Stack<nint> _idle = new(Kept);

    internal byte* Take() => _idle.TryPop(out nint buffer) ? (byte*)buffer : (byte*)NativeMemory.Alloc(BufferSize);

    internal void Return(byte* buffer)
    {
        if (_idle.Count < Kept)
        {
            _idle.Push((nint)buffer);
        }
        else
        {
            NativeMemory.Free(buffer);
        }
    }

    public void Dispose()
    {
        while (_idle.TryPop(out nint buffer))
        {
            NativeMemory.Free((void*)buffer);
        }
    }
}
