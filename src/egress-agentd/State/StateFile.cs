namespace EgressAgent.Daemon.State;

/// <summary>
/// A file of the database as LiteDB gets it: for root only, for one process at a time, and on disk when it is flushed.
/// </summary>
/// <param name="path">Made when it is missing.</param>
/// <param name="defersFailures">
/// For the journal, which LiteDB writes on a thread of its own: an exception there would end the thread, and whoever waits for it
/// would wait forever. Whoever reads the journal next gets the exception instead, and that is the checkpoint.
/// </param>
internal sealed class StateFile(string path, bool defersFailures) : Stream
{
    private readonly FileStream _file = new(path, new FileStreamOptions
    {
        Mode = FileMode.OpenOrCreate,
        Access = FileAccess.ReadWrite,
        Share = FileShare.None,
        UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        BufferSize = 0,
    });

    private volatile IOException? _failure;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => true;

    public override long Length => _file.Length;

    public override long Position
    {
        get => _file.Position;
        set => _file.Position = value;
    }

    /// <exception cref="IOException">It cannot be read, or an earlier write has failed.</exception>
    public override int Read(byte[] buffer, int offset, int count) =>
        _failure is { } failure ? throw new IOException(failure.Message, failure) : _file.Read(buffer, offset, count);

    public override void Write(byte[] buffer, int offset, int count) => Change(() => _file.Write(buffer, offset, count));

    /// <summary>Returns when everything is on disk.</summary>
    public override void Flush() => Change(() => _file.Flush(flushToDisk: true));

    public override void SetLength(long value) => _file.SetLength(value);

    public override long Seek(long offset, SeekOrigin origin) => _file.Seek(offset, origin);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _file.Dispose();
        }

        base.Dispose(disposing);
    }

    // After a failure the journal ends, lest a gap in it be taken for pages.
    private void Change(Action change)
    {
        try
        {
            if (_failure is null)
            {
                change();
            }
        }
        catch (IOException failure) when (defersFailures)
        {
            _failure ??= failure;
        }
    }
}
