using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using System.Runtime.InteropServices;
using System.Text;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;

namespace EgressAgent.Linux.Netlink.Codec;

/// <summary>
/// Reads the payload of one message: its fixed header, then attributes. An attribute that is shorter than what is asked of it, or
/// longer than what holds it, makes the reader malformed for good: from then on it yields no attribute and only zero values,
/// so that a parser needs a single check at its end.
/// </summary>
internal ref struct NetlinkReader(ReadOnlySpan<byte> payload)
{
    private const int AttributeHeaderLength = 4;

    private readonly ReadOnlySpan<byte> _payload = payload;
    private int _position;
    private int _end = payload.Length;
    private int _valueStart;
    private int _valueLength;

    /// <summary>The first fault that was met, or null.</summary>
    public string? Fault { get; private set; }

    /// <summary>The attribute's type without its flags.</summary>
    public ushort Type { get; private set; }

    /// <summary>The attribute's value.</summary>
    public readonly ReadOnlySpan<byte> Value => _payload.Slice(_valueStart, _valueLength);

    /// <summary>Reads the fixed header that the message type has.</summary>
    public unsafe T Read<T>()
        where T : unmanaged
    {
        if (!MemoryMarshal.TryRead(_payload[_position.._end], out T header))
        {
            Fail($"{_end - _position} bytes where a header of {sizeof(T)} is due");
            return default;
        }

        _position = Math.Min(_position + NetlinkAlign.Up(sizeof(T)), _end);
        return header;
    }

    /// <summary>Moves to the next attribute; false at the end of the message, or of the nest that was entered.</summary>
    public bool MoveNext()
    {
        int rest = _end - _position;
        if (rest < AttributeHeaderLength)
        {
            return false;
        }

        int length = MemoryMarshal.Read<ushort>(_payload[_position..]);
        if (length < AttributeHeaderLength || length > rest)
        {
            Fail($"an attribute of {length} bytes where {rest} are left");
            return false;
        }

        Type = (ushort)(MemoryMarshal.Read<ushort>(_payload[(_position + 2)..]) & NLA_TYPE_MASK);
        _valueStart = _position + AttributeHeaderLength;
        _valueLength = length - AttributeHeaderLength;
        _position = Math.Min(_position + NetlinkAlign.Up(length), _end);
        return true;
    }

    /// <summary>
    /// Goes into the current attribute, whose attributes <see cref="MoveNext"/> yields next. Hand the result to <see cref="Leave"/>.
    /// </summary>
    public (int Position, int End) Enter()
    {
        (int Position, int End) outer = (_position, _end);
        _position = _valueStart;
        _end = _valueStart + _valueLength;
        return outer;
    }

    /// <summary>Returns to the attributes after the nest.</summary>
    public void Leave((int Position, int End) outer)
    {
        if (Fault is null)
        {
            (_position, _end) = outer;
        }
    }

    public byte GetByte() => Get<byte>();

    public ushort GetUInt16BigEndian() => BinaryPrimitives.TryReadUInt16BigEndian(Value, out ushort value) ? value : FailShort<ushort>();

    public uint GetUInt32() => Get<uint>();

    public int GetInt32() => Get<int>();

    public ulong GetUInt64() => Get<ulong>();

    public uint GetUInt32BigEndian() => BinaryPrimitives.TryReadUInt32BigEndian(Value, out uint value) ? value : FailShort<uint>();

    public ulong GetUInt64BigEndian() => BinaryPrimitives.TryReadUInt64BigEndian(Value, out ulong value) ? value : FailShort<ulong>();

    /// <summary>UTF-8 up to the terminating zero, where there is one.</summary>
    public string GetString()
    {
        int end = Value.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? Value : Value[..end]);
    }

    /// <summary>An address of 4 or 16 bytes.</summary>
    public IPAddress GetAddress()
    {
        if (Value.Length is 4 or 16)
        {
            return new IPAddress(Value);
        }

        Fail($"an address of {Value.Length} bytes");
        return IPAddress.Any;
    }

    public PhysicalAddress GetMac() => new(Value.ToArray());

    /// <summary>Makes the reader malformed, for values that are readable and impossible.</summary>
    public void Fail(string fault)
    {
        Fault ??= fault;
        _position = _end = _valueStart = _valueLength = 0;
    }

    /// <exception cref="LinuxException">The message was malformed (EBADMSG).</exception>
    public readonly void ThrowIfMalformed()
    {
        if (Fault is not null)
        {
            throw new LinuxException("read netlink message", "", Errno.EBADMSG, Fault);
        }
    }

    private T Get<T>()
        where T : unmanaged => MemoryMarshal.TryRead(Value, out T value) ? value : FailShort<T>();

    private T FailShort<T>()
        where T : unmanaged
    {
        Fail($"attribute {Type} of {Value.Length} bytes");
        return default;
    }
}
