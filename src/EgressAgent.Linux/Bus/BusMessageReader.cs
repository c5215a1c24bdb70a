using System.Runtime.InteropServices.Marshalling;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bus;

/// <summary>
/// Reads the body of a message from front to back. Whatever a peer sends, a read yields a value of the type asked for or throws a
/// <see cref="BusException"/> named <see cref="BusErrorNames.InvalidArgs"/>, which a method handler can let pass to its caller.
/// Valid only inside the callback that it is handed to; copies share one position.
/// </summary>
public readonly unsafe ref partial struct BusMessageReader
{
    private readonly nint _message;

    internal BusMessageReader(nint message) => _message = message;

    public byte ReadByte() => Read<byte>('y');

    // On this interface a boolean is a C int.
    public bool ReadBoolean() => Read<int>('b') != 0;

    public short ReadInt16() => Read<short>('n');

    public ushort ReadUInt16() => Read<ushort>('q');

    public int ReadInt32() => Read<int>('i');

    public uint ReadUInt32() => Read<uint>('u');

    public long ReadInt64() => Read<long>('x');

    public ulong ReadUInt64() => Read<ulong>('t');

    public double ReadDouble() => Read<double>('d');

    public string ReadString() => ReadText('s');

    public string ReadObjectPath() => ReadText('o');

    public string ReadSignature() => ReadText('g');

    private T Read<T>(char type)
        where T : unmanaged
    {
        T value = default;
        Demand(LibSystemd.sd_bus_message_read_basic(_message, (byte)type, &value), type.ToString());
        return value;
    }

    private string ReadText(char type)
    {
        byte* text;
        Demand(LibSystemd.sd_bus_message_read_basic(_message, (byte)type, &text), type.ToString());
        return Utf8StringMarshaller.ConvertToManaged(text) ?? "";
    }

    // 0 means that the array ends here; ENXIO that something else follows, or nothing.
    private void Demand(int result, string expected)
    {
        if (result <= 0)
        {
            ThrowUnexpected(expected);
        }
    }

    private void ThrowUnexpected(string expected)
    {
        string found = LibSystemd.sd_bus_message_peek_type(_message, out byte type, out _) switch
        {
            0 => "nothing is left",
            > 0 => $"found '{(char)type}'",
            _ => "the message is malformed",
        };
        throw new BusException(BusErrorNames.InvalidArgs, $"Expected '{expected}' but {found}.");
    }
}
