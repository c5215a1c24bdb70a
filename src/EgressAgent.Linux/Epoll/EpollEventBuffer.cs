using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Epoll;

/// <summary>Native room for the events of one <see cref="EpollHandle.Wait"/>.</summary>
public sealed unsafe class EpollEventBuffer : IDisposable
{
    // struct epoll_event { uint32_t events; uint64_t data; } is packed on x86-64 and nowhere else.
    internal static readonly int Stride = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;

    private static readonly int DataOffset = Stride - sizeof(ulong);

    public EpollEventBuffer(int capacity)
    {
        Capacity = capacity;
        Pointer = (byte*)NativeMemory.AllocZeroed((nuint)(capacity * Stride));
    }

    public int Capacity { get; }

    internal byte* Pointer { get; private set; }

    public EpollEvents Events(int index) => (EpollEvents)Unsafe.ReadUnaligned<uint>(Pointer + (index * Stride));

    /// <summary>What was given to <see cref="EpollHandle.Add"/>.</summary>
    public ulong Data(int index) => Unsafe.ReadUnaligned<ulong>(Pointer + (index * Stride) + DataOffset);

    public void Dispose()
    {
        NativeMemory.Free(Pointer);
        Pointer = null;
    }

    internal static void Write(byte* entry, EpollEvents events, ulong data)
    {
        Unsafe.WriteUnaligned(entry, (uint)events);
        Unsafe.WriteUnaligned(entry + DataOffset, data);
    }
}
