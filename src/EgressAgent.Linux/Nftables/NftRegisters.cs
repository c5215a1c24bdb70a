using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using static EgressAgent.Linux.Interop.Uapi.NfnetlinkH;
using static EgressAgent.Linux.Interop.Uapi.NfTablesH;

namespace EgressAgent.Linux.Nftables;

/// <summary>What the expressions of a rule load of a packet, and which bits of it are known. Not thread-safe.</summary>
internal sealed class NftRegisters(NftPacket packet, bool isStateKnown)
{
    private const int RegisterSize = 4;
    private const int NameSize = 16;
    private const byte All = 0xff;

    private readonly byte[] _values = new byte[64];
    private readonly byte[] _known = new byte[64];

    /// <summary>The bit of a conntrack state in a set of them.</summary>
    internal static uint StateBit(NftPacket packet) => packet.IsAnswer ? 2u : 8u;

    /// <summary>Nothing is known of what is in them.</summary>
    internal void Forget() => _known.AsSpan().Clear();

    internal ReadOnlySpan<byte> Values(uint register, int length) => _values.AsSpan(Offset(register), length);

    internal ReadOnlySpan<byte> Known(uint register, int length) => _known.AsSpan(Offset(register), length);

    internal bool IsKnown(uint register, int length) => !Known(register, length).ContainsAnyExcept(All);

    internal void Set(uint register, ReadOnlySpan<byte> value, ReadOnlySpan<byte> known)
    {
        int offset = Offset(register);
        value.CopyTo(_values.AsSpan(offset));
        known.CopyTo(_known.AsSpan(offset));
    }

    internal void LoadMeta(uint register, uint key)
    {
        bool isIPv4 = packet.Destination.AddressFamily == AddressFamily.InterNetwork;
        Span<byte> value = stackalloc byte[NameSize];
        value.Clear();
        int length = key switch
        {
            NFT_META_IIFNAME or NFT_META_OIFNAME => NameSize,
            _ => RegisterSize,
        };
        switch (key)
        {
            case NFT_META_IIFNAME:
                Encoding.UTF8.GetBytes(packet.InputLink, value);
                break;
            case NFT_META_OIFNAME:
                Encoding.UTF8.GetBytes(packet.OutputLink, value);
                break;
            case NFT_META_NFPROTO:
                value[0] = isIPv4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
                break;
            case NFT_META_PROTOCOL:
                BinaryPrimitives.WriteUInt16BigEndian(value, (ushort)(isIPv4 ? 0x0800 : 0x86dd));
                break;
            case NFT_META_L4PROTO when packet.Protocol != 0:
                value[0] = packet.Protocol;
                break;
            default:
                // At most a name.
                SetUnknown(register, NameSize);
                return;
        }

        SetKnown(register, value[..length]);
    }

    internal void LoadConntrack(uint register, uint key)
    {
        Span<byte> value = stackalloc byte[RegisterSize];
        Span<byte> known = stackalloc byte[RegisterSize];
        known.Clear();
        value.Clear();
        switch (key)
        {
            case NFT_CT_STATE when isStateKnown:
                BinaryPrimitives.WriteUInt32LittleEndian(value, StateBit(packet));
                known.Fill(All);
                break;
            case NFT_CT_STATUS:
                // IPS_DST_NAT: whose destination is changed before routing is not looked at.
                known[0] = 1 << 5;
                break;
            default:
                SetUnknown(register, NameSize);
                return;
        }

        Set(register, value, known);
    }

    internal void LoadFib(uint register, uint result, uint flags)
    {
        // What is forwarded goes to no address of this host: RTN_UNICAST.
        if (result == NFT_FIB_RESULT_ADDRTYPE && flags == NFTA_FIB_F_DADDR)
        {
            SetKnown(register, [1, 0, 0, 0]);
        }
        else
        {
            SetUnknown(register, NameSize);
        }
    }

    internal void LoadPayload(uint register, uint header, int offset, int length)
    {
        Span<byte> value = stackalloc byte[64];
        Span<byte> known = stackalloc byte[64];
        value.Clear();
        known.Clear();
        if (header == NFT_PAYLOAD_NETWORK_HEADER)
        {
            bool isIPv4 = packet.Destination.AddressFamily == AddressFamily.InterNetwork;
            (int protocol, int source, int size) = isIPv4 ? (9, 12, 4) : (6, 8, 16);
            packet.Source.TryWriteBytes(value[source..], out _);
            packet.Destination.TryWriteBytes(value[(source + size)..], out _);
            known.Slice(source, 2 * size).Fill(All);
            value[protocol] = packet.Protocol;
            known[protocol] = packet.Protocol == 0 ? (byte)0 : All;
        }
        else if (header == NFT_PAYLOAD_TRANSPORT_HEADER)
        {
            BinaryPrimitives.WriteUInt16BigEndian(value, packet.SourcePort);
            BinaryPrimitives.WriteUInt16BigEndian(value[2..], packet.DestinationPort);
            known[..2].Fill(packet.SourcePort == 0 ? (byte)0 : All);
            known[2..4].Fill(packet.DestinationPort == 0 ? (byte)0 : All);
        }

        if (offset < 0 || length is <= 0 or > NameSize || offset + length > value.Length)
        {
            Forget();
            return;
        }

        Set(register, value.Slice(offset, length), known.Slice(offset, length));
    }

    private void SetKnown(uint register, ReadOnlySpan<byte> value)
    {
        Span<byte> known = stackalloc byte[value.Length];
        known.Fill(All);
        Set(register, value, known);
    }

    private void SetUnknown(uint register, int length) => _known.AsSpan(Offset(register), Math.Min(length, _known.Length - Offset(register))).Clear();

    // The first four are of 16 bytes, the others the same as 16 of 4.
    private static int Offset(uint register) => register switch
    {
        > NFT_REG_VERDICT and <= NFT_REG_4 => (int)(register - 1) * NameSize,
        >= NFT_REG32_00 and <= NFT_REG32_15 => (int)(register - NFT_REG32_00) * RegisterSize,
        _ => 0,
    };
}
