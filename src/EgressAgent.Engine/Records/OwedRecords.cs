using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;

namespace EgressAgent.Engine.Records;

/// <summary>
/// How many records of flows' ends are still to be written: of flows that are open, as far as nobody else would tell the next agent of
/// their ends, and of those that are over. It stands in a file that is mapped into memory, so that it outlives an agent that is killed,
/// though not the node, and costs no system call. Thread-safe.
/// </summary>
public sealed class OwedRecords : IDisposable
{
    // Where somebody else wrote into the file, it says nothing.
    private const long MaxCount = uint.MaxValue;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    private OwedRecords(MemoryMappedFile file, MemoryMappedViewAccessor view, ulong former) => (_file, _view, Former) = (file, view, former);

    /// <summary>How many an earlier agent has left, which nobody will write.</summary>
    internal ulong Former { get; }

    /// <summary>How many there are now.</summary>
    internal long Count => ReadOrAdd(0);

    /// <param name="path">The file, which is nobody else's. It should not be on a disk.</param>
    /// <returns>Null where there can be none.</returns>
    public static OwedRecords? TryOpen(string path)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            using SafeFileHandle handle = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite);
            Span<byte> bytes = stackalloc byte[sizeof(long)];
            long former = RandomAccess.Read(handle, bytes, 0) == bytes.Length ? BinaryPrimitives.ReadInt64LittleEndian(bytes) : 0;

            // Written, lest a full file system refuses the page when it is touched: that would end the process.
            bytes.Clear();
            RandomAccess.Write(handle, bytes, 0);
            var file = MemoryMappedFile.CreateFromFile(handle, null, capacity: 0, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: true);
            return new OwedRecords(file, file.CreateViewAccessor(0, bytes.Length), former is > 0 and <= MaxCount ? (ulong)former : 0);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>There is one more.</summary>
    internal void Add() => ReadOrAdd(1);

    /// <summary>One was written, or is counted as lost.</summary>
    internal void Remove() => ReadOrAdd(-1);

    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }

    private unsafe long ReadOrAdd(long change)
    {
        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        try
        {
            return Interlocked.Add(ref *(long*)(start + _view.PointerOffset), change);
        }
        finally
        {
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
        }
    }
}
