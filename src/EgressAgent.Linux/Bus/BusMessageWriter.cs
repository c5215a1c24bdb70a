using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bus;

/// <summary>
/// Appends values to a message that is being built. What is written must add up to the declared signature; libsystemd checks
/// every step. Valid only inside the callback that it is handed to.
/// </summary>
public readonly unsafe ref partial struct BusMessageWriter
{
    private readonly nint _message;

    internal BusMessageWriter(nint message) => _message = message;

    public void WriteByte(byte value) => Append('y', &value);

    public void WriteBoolean(bool value)
    {
        // On this interface a boolean is a C int.
        int number = value ? 1 : 0;
        Append('b', &number);
    }

    public void WriteInt16(short value) => Append('n', &value);

    public void WriteUInt16(ushort value) => Append('q', &value);

    public void WriteInt32(int value) => Append('i', &value);

    public void WriteUInt32(uint value) => Append('u', &value);

    public void WriteInt64(long value) => Append('x', &value);

    public void WriteUInt64(ulong value) => Append('t', &value);

    public void WriteDouble(double value) => Append('d', &value);

    /// <exception cref="ArgumentException">The text holds a NUL character, which D-Bus cannot carry.</exception>
    public void WriteString(string value) => Append('s', value);

    /// <exception cref="LinuxException">EINVAL: not an object path.</exception>
    public void WriteObjectPath(string path) => Append('o', path);

    /// <exception cref="LinuxException">EINVAL: not a signature.</exception>
    public void WriteSignature(string signature) => Append('g', signature);

    private void Append(char type, void* value) =>
        Check(LibSystemd.sd_bus_message_append_basic(_message, (byte)type, value), type);

    private void Append(char type, string value)
    {
        if (value.Contains('\0'))
        {
            throw new ArgumentException("D-Bus text cannot hold a NUL character.", nameof(value));
        }

        Check(LibSystemd.sd_bus_message_append_basic(_message, (byte)type, value), type);
    }

    private static void Check(int result, char type)
    {
        if (result < 0)
        {
            ThrowRefused(result, type.ToString());
        }
    }

    private static void ThrowRefused(int result, string what) =>
        throw new LinuxException("append to D-Bus message", what, new Errno(-result));
}
