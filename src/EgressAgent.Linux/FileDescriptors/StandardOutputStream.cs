using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.FileDescriptors;

/// <summary>
/// Standard output, by write(2) alone. .NET's file stream keeps a position of its own, so that the next program that writes to the same
/// file writes over it; .NET's console puts a terminal into another mode.
/// </summary>
public sealed class StandardOutputStream : Stream
{
    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <exception cref="IOException">Nobody reads any more, or the disk is full.</exception>
    public override unsafe void Write(ReadOnlySpan<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            for (int done = 0; done < buffer.Length;)
            {
                nint written = LibC.write(1, start + done, (nuint)(buffer.Length - done));
                Errno errno = written < 0 ? Errno.Last : Errno.Success;
                if (!errno.IsSuccess && errno != Errno.EINTR)
                {
                    throw new IOException($"write to standard output: {errno.Message}");
                }

                done += (int)Math.Max(written, 0);
            }
        }
    }

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
