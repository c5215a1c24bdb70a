using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Sockets;

/// <summary>A pipe through which splice(2) moves pages from one socket to another without copying them. One thread.</summary>
public sealed unsafe class SplicePipe : IDisposable
{
    private readonly FileHandle _readEnd;
    private readonly FileHandle _writeEnd;

    private SplicePipe(int readEnd, int writeEnd)
    {
        _readEnd = new FileHandle(readEnd);
        _writeEnd = new FileHandle(writeEnd);
    }

    /// <param name="capacity">
    /// Wanted bytes; a pipe holds one page reference for each 4096 of them, however full the page is. Where the kernel refuses
    /// (fs.pipe-max-size, fs.pipe-user-pages-soft) the pipe keeps its default of 64 KiB.
    /// </param>
    /// <param name="error">Why there is none.</param>
    public static SplicePipe? TryCreate(int capacity, out Errno error)
    {
        int* ends = stackalloc int[2];
        if (LibC.pipe2(ends, LibC.O_NONBLOCK | LibC.O_CLOEXEC) != 0)
        {
            error = Errno.Last;
            return null;
        }

        _ = LibC.fcntl(ends[0], LibC.F_SETPIPE_SZ, capacity);
        error = Errno.Success;
        return new SplicePipe(ends[0], ends[1]);
    }

    /// <summary>Moves up to <paramref name="length"/> bytes from a socket into the pipe; 0 at the peer's FIN.</summary>
    public IoResult Fill(int socket, int length) => IoResult.From(LibC.splice(
        socket, null, _writeEnd.Descriptor, null, (nuint)length, LibC.SPLICE_F_MOVE | LibC.SPLICE_F_NONBLOCK));

    /// <summary>Moves up to <paramref name="length"/> bytes from the pipe to a socket.</summary>
    public IoResult Empty(int socket, int length) => IoResult.From(LibC.splice(
        _readEnd.Descriptor, null, socket, null, (nuint)length, LibC.SPLICE_F_MOVE | LibC.SPLICE_F_NONBLOCK));

    public void Dispose()
    {
        _readEnd.Dispose();
        _writeEnd.Dispose();
    }
}
