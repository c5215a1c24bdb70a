using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using System.Runtime.InteropServices;
using System.Text;
using EgressAgent.Linux.Interop.Uapi;
using static EgressAgent.Linux.Interop.Uapi.NetlinkH;

namespace EgressAgent.Linux.Netlink.Codec;

/// <summary>
/// Writes one request into a buffer of the caller: the netlink header, then a fixed header per message type, then attributes.
/// Numbers are in host order unless a method says otherwise.
/// </summary>
internal ref struct NetlinkWriter
{
    /// <summary>Enough for every request that this library makes.</summary>
    internal const int BufferSize = 1024;

    private const int AttributeHeaderLength = 4;

    private readonly Span<byte> _buffer;
    private int _length;

    public unsafe NetlinkWriter(Span<byte> buffer, ushort type, ushort flags)
    {
        _buffer = buffer;
        _buffer.Clear();
        _length = sizeof(NlMsgHdr);
        Header.nlmsg_type = type;
        Header.nlmsg_flags = (ushort)(flags | NLM_F_REQUEST);
    }

    private readonly ref NlMsgHdr Header => ref MemoryMarshal.AsRef<NlMsgHdr>(_buffer);

    /// <summary>Appends the fixed header that the message type has.</summary>
    public unsafe void Write<T>(in T value)
        where T : unmanaged => MemoryMarshal.Write(Reserve(sizeof(T)), in value);

    public void WriteBytes(ushort type, scoped ReadOnlySpan<byte> value)
    {
        Span<byte> attribute = Reserve(AttributeHeaderLength + value.Length);
        WriteAttributeHeader(attribute, attribute.Length, type);
        value.CopyTo(attribute[AttributeHeaderLength..]);
    }

    public void WriteByte(ushort type, byte value) => WriteBytes(type, [value]);

    public void WriteUInt16BigEndian(ushort type, ushort value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, value);
        WriteBytes(type, bytes);
    }

    public void WriteUInt32(ushort type, uint value) => WriteBytes(type, MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(in value)));

    public void WriteInt32(ushort type, int value) => WriteUInt32(type, (uint)value);

    public void WriteUInt32BigEndian(ushort type, uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        WriteBytes(type, bytes);
    }

    /// <summary>UTF-8 with the terminating zero.</summary>
    public void WriteString(ushort type, string value)
    {
        Span<byte> attribute = Reserve(AttributeHeaderLength + Encoding.UTF8.GetByteCount(value) + 1);
        WriteAttributeHeader(attribute, attribute.Length, type);
        Encoding.UTF8.GetBytes(value, attribute[AttributeHeaderLength..]);
    }

    public void WriteAddress(ushort type, IPAddress value)
    {
        Span<byte> bytes = stackalloc byte[16];
        value.TryWriteBytes(bytes, out int length);
        WriteBytes(type, bytes[..length]);
    }

    public void WriteMac(ushort type, PhysicalAddress value) => WriteBytes(type, value.GetAddressBytes());

    /// <summary>Opens an attribute that holds attributes; hand the result to <see cref="EndNested"/>.</summary>
    public int BeginNested(ushort type)
    {
        int start = _length;
        WriteAttributeHeader(Reserve(AttributeHeaderLength), AttributeHeaderLength, (ushort)(type | NLA_F_NESTED));
        return start;
    }

    public readonly void EndNested(int start) =>
        MemoryMarshal.Write(_buffer[start..], (ushort)(_length - start));

    /// <summary>The whole message. The connection stamps its sequence number.</summary>
    public readonly Span<byte> Finish()
    {
        Header.nlmsg_len = (uint)_length;
        return _buffer[.._length];
    }

    private static void WriteAttributeHeader(Span<byte> attribute, int length, ushort type)
    {
        MemoryMarshal.Write(attribute, (ushort)length);
        MemoryMarshal.Write(attribute[2..], type);
    }

    // The padding is zero, as the buffer was.
    private Span<byte> Reserve(int length)
    {
        int end = _length + NetlinkAlign.Up(length);
        if (end > _buffer.Length)
        {
            throw new InvalidOperationException($"A netlink request does not fit in {_buffer.Length} bytes");
        }

        Span<byte> reserved = _buffer.Slice(_length, length);
        _length = end;
        return reserved;
    }
}
