using System.Text;
using EgressAgent.Linux.Netlink.Codec;

namespace EgressAgent.Linux.Nftables;

/// <summary>The attributes of an expression, by type. Numbers in them are big endian.</summary>
internal readonly ref struct NftExpression(ReadOnlySpan<byte> attributes)
{
    private readonly ReadOnlySpan<byte> _attributes = attributes;

    /// <summary>Empty when there is none.</summary>
    internal ReadOnlySpan<byte> Bytes(ushort type)
    {
        var reader = new NetlinkReader(_attributes);
        while (reader.MoveNext())
        {
            if (reader.Type == type)
            {
                return reader.Value;
            }
        }

        return [];
    }

    /// <summary>Null when there is none.</summary>
    internal uint? Number(ushort type)
    {
        var reader = new NetlinkReader(_attributes);
        while (reader.MoveNext())
        {
            if (reader.Type == type)
            {
                return reader.Value.Length == sizeof(uint) ? reader.GetUInt32BigEndian() : null;
            }
        }

        return null;
    }

    internal string Text(ushort type) => Encoding.UTF8.GetString(Bytes(type)).TrimEnd('\0');

    internal NftExpression Nested(ushort type) => new(Bytes(type));
}
