using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Journal;

/// <summary>
/// Writes entries to the journald of a namespace (systemd.exec(5), LogNamespace=), by systemd's native journal protocol. libsystemd
/// itself writes to the ordinary one alone. Not for use by two threads at once.
/// </summary>
public sealed unsafe class JournalSocket : IDisposable
{
    private readonly FileHandle _handle;
    private readonly byte[] _address;
    private readonly ArrayBufferWriter<byte> _datagram = new(2048);

    private JournalSocket(FileHandle handle, byte[] address)
    {
        _handle = handle;
        _address = address;
    }

    /// <summary>Where the journald of a namespace listens.</summary>
    public static string PathOf(string journalNamespace) => $"/run/systemd/journal.{journalNamespace}/socket";

    /// <param name="path">Of the socket, which need not be there yet.</param>
    /// <param name="patience">How long a journald that is behind is waited for.</param>
    /// <exception cref="LinuxException">No descriptor is left.</exception>
    public static JournalSocket Open(string path, TimeSpan patience)
    {
        int descriptor = LibC.socket(LibC.AF_UNIX, LibC.SOCK_DGRAM | LibC.SOCK_CLOEXEC, 0);
        if (descriptor < 0)
        {
            throw new LinuxException("open journal socket", path, Errno.Last);
        }

        var handle = new FileHandle(descriptor);
        long* timeout = stackalloc long[2] { (long)patience.TotalSeconds, patience.Microseconds + (patience.Milliseconds * 1000) };
        if (LibC.setsockopt(handle, LibC.SOL_SOCKET, LibC.SO_SNDTIMEO, timeout, 2 * sizeof(long)) < 0)
        {
            Errno errno = Errno.Last;
            handle.Dispose();
            throw new LinuxException("set journal socket option", path, errno);
        }

        // struct sockaddr_un: the family, then the path with its zero.
        byte[] address = new byte[sizeof(ushort) + Encoding.UTF8.GetByteCount(path) + 1];
        BinaryPrimitives.WriteUInt16LittleEndian(address, LibC.AF_UNIX);
        Encoding.UTF8.GetBytes(path, address.AsSpan(sizeof(ushort)));
        return new JournalSocket(handle, address);
    }

    public void Dispose() => _handle.Dispose();

    /// <summary>Hands an entry over.</summary>
    /// <returns>
    /// ENOENT and ECONNREFUSED where nobody listens, EAGAIN where journald has not read in time what it was given before.
    /// </returns>
    public Errno Send(JournalEntry entry)
    {
        _datagram.ResetWrittenCount();
        for (int i = 0; i < entry.Count; i++)
        {
            WriteField(entry.GetField(i));
        }

        fixed (byte* bytes = _datagram.WrittenSpan)
        fixed (byte* address = _address)
        {
            while (LibC.sendto(_handle, bytes, (nuint)_datagram.WrittenCount, 0, address, (uint)_address.Length) < 0)
            {
                Errno errno = Errno.Last;
                if (errno != Errno.EINTR)
                {
                    return errno;
                }
            }
        }

        return Errno.Success;
    }

    // "NAME=value\n"; a value with a newline goes as "NAME\n", its length, the value and "\n".
    private void WriteField(ReadOnlySpan<byte> field)
    {
        int equals = field.IndexOf((byte)'=');
        ReadOnlySpan<byte> value = field[(equals + 1)..];
        if (value.Contains((byte)'\n'))
        {
            _datagram.Write(field[..equals]);
            _datagram.Write("\n"u8);
            BinaryPrimitives.WriteUInt64LittleEndian(_datagram.GetSpan(sizeof(ulong)), (ulong)value.Length);
            _datagram.Advance(sizeof(ulong));
            _datagram.Write(value);
        }
        else
        {
            _datagram.Write(field);
        }

        _datagram.Write("\n"u8);
    }
}
