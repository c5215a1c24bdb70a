using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;

namespace EgressAgent.Model.Addressing;

/// <summary>Works out inside addresses and hardware addresses. Pure: what is taken comes in, what is given goes out.</summary>
public static class InsideAddressAllocator
{
    /// <summary>The first addresses of a network, which are left to those who pin theirs.</summary>
    private const uint Pinned = 256;

    /// <summary>The first address of an inside network, which the node has on every outer veth end.</summary>
    public static IPAddress NodeAddress(IPNetwork network) => Add(network.BaseAddress, 1);

    /// <summary>
    /// The address that follows from a key alone, so that the same files give the same addresses on every node; null when the network
    /// has no room for any. It is 256 + (the first 8 bytes, big-endian, of the SHA-256 of the key) mod (size − 257); in a network that
    /// is too small to leave the first 256 out, it is any of its addresses.
    /// </summary>
    public static InterfaceAddress? Derive(IPNetwork network, ResourceKey key)
    {
        (UInt128 first, UInt128 last) = Range(network);
        return last < first ? null : At(network, Derive(first, last, key));
    }

    /// <summary>
    /// The derived address, or the next one upwards that is free, beginning anew after the last one; null when all are taken.
    /// </summary>
    /// <param name="network">The inside network. Its base, its first and its last address are never handed out.</param>
    /// <param name="key">Who gets it.</param>
    /// <param name="isTaken">Whether somebody else has an address.</param>
    public static InterfaceAddress? Allocate(IPNetwork network, ResourceKey key, Func<IPAddress, bool> isTaken)
    {
        (UInt128 first, UInt128 last) = Range(network);
        if (last < first)
        {
            return null;
        }

        // Full to the last one, a network gives away what it leaves to pins as well.
        UInt128 derived = Derive(first, last, key);
        return FirstFree(derived, last) ?? FirstFree(first, derived - 1) ?? FirstFree(2, first - 1);

        InterfaceAddress? FirstFree(UInt128 from, UInt128 to)
        {
            for (UInt128 host = from; host <= to; host++)
            {
                InterfaceAddress candidate = At(network, host);
                if (!isTaken(candidate.Address))
                {
                    return candidate;
                }
            }

            return null;
        }
    }

    /// <summary>
    /// A unicast, locally administered address that is the same for the same machine and router, so that switches and
    /// neighbours keep what they learned when a router is rebuilt.
    /// </summary>
    public static PhysicalAddress DeriveMac(string machineId, RouterKey key) => DeriveMac($"{machineId} {key}");

    /// <summary>A unicast, locally administered address that is the same for the same text.</summary>
    public static PhysicalAddress DeriveMac(string text)
    {
        byte[] mac = Sha256.Hash(text)[..6];
        mac[0] = (byte)((mac[0] & 0xfc) | 0x02);
        return new PhysicalAddress(mac);
    }

    /// <summary>The offsets that are handed out; the last address of a network is IPv4's broadcast address, and left out in IPv6 too.</summary>
    private static (UInt128 First, UInt128 Last) Range(IPNetwork network)
    {
        int hostBits = network.BaseAddress.MaxPrefixLength - network.PrefixLength;
        UInt128 size = hostBits == 128 ? UInt128.MaxValue : UInt128.One << hostBits;
        return size > Pinned + 1 ? (Pinned, size - 2) : (2, size < 4 ? UInt128.Zero : size - 2);
    }

    private static UInt128 Derive(UInt128 first, UInt128 last, ResourceKey key) =>
        first + (BinaryPrimitives.ReadUInt64BigEndian(Sha256.Hash(key.ToString())) % (last - first + 1));

    private static InterfaceAddress At(IPNetwork network, UInt128 offset) => new(Add(network.BaseAddress, offset), network.PrefixLength);

    private static IPAddress Add(IPAddress address, UInt128 offset)
    {
        Span<byte> bytes = stackalloc byte[16];
        Span<byte> own = bytes[^(address.MaxPrefixLength / 8)..];
        _ = address.TryWriteBytes(own, out _);
        BinaryPrimitives.WriteUInt128BigEndian(bytes, BinaryPrimitives.ReadUInt128BigEndian(bytes) + offset);
        return new IPAddress(own);
    }
}
