using System.Buffers.Binary;
using System.Net;
using System.Numerics;

namespace EgressAgent.Model.Planning;

/// <summary>
/// Which router a client gets where its connections are to stay with one. A client's address falls into one of the slots, and each slot
/// belongs to one router: when one is lost, only its own move.
/// </summary>
public static class ServiceSlots
{
    public const int Count = 64;

    // Of Linux's jhash(), include/linux/jhash.h.
    private const uint JhashInitial = 0xdeadbeef;

    /// <summary>What makes the clients of one Service fall otherwise than those of another.</summary>
    public static uint SeedOf(ResourceKey service) => BitConverter.ToUInt32(Sha256.Hash(service.ToString()), 0);

    /// <summary>The router's inside address that a slot belongs to: of all the one that hashes highest with it, which depends on no other.</summary>
    public static IPAddress OwnerOf(int slot, IEnumerable<IPAddress> routers) =>
        routers.MaxBy(inside => BitConverter.ToUInt64(Sha256.Hash($"{slot} {inside}"), 0))!;

    /// <summary>The slot of a client, as nf_tables works it out: <c>jhash saddr mod 64 seed</c>, net/netfilter/nft_hash.c.</summary>
    public static int SlotOf(IPAddress client, uint seed) => (int)(((ulong)Jhash(client.GetAddressBytes(), seed) * Count) >> 32);

    private static uint Jhash(ReadOnlySpan<byte> key, uint seed)
    {
        uint a = unchecked(JhashInitial + (uint)key.Length + seed);
        uint b = a;
        uint c = a;
        unchecked
        {
            while (key.Length > 12)
            {
                a += Word(ref key);
                b += Word(ref key);
                c += Word(ref key);
                (a, b, c) = Mix(a, b, c);
            }

            // An address has four bytes or sixteen: one word is left.
            a += Word(ref key);
            c = (c ^ b) - BitOperations.RotateLeft(b, 14);
            a = (a ^ c) - BitOperations.RotateLeft(c, 11);
            b = (b ^ a) - BitOperations.RotateLeft(a, 25);
            c = (c ^ b) - BitOperations.RotateLeft(b, 16);
            a = (a ^ c) - BitOperations.RotateLeft(c, 4);
            b = (b ^ a) - BitOperations.RotateLeft(a, 14);
            return (c ^ b) - BitOperations.RotateLeft(b, 24);
        }
    }

    private static (uint A, uint B, uint C) Mix(uint a, uint b, uint c)
    {
        unchecked
        {
            a = (a - c) ^ BitOperations.RotateLeft(c, 4);
            c += b;
            b = (b - a) ^ BitOperations.RotateLeft(a, 6);
            a += c;
            c = (c - b) ^ BitOperations.RotateLeft(b, 8);
            b += a;
            a = (a - c) ^ BitOperations.RotateLeft(c, 16);
            c += b;
            b = (b - a) ^ BitOperations.RotateLeft(a, 19);
            a += c;
            c = (c - b) ^ BitOperations.RotateLeft(b, 4);
            b += a;
            return (a, b, c);
        }
    }

    // In the processor's order, as the kernel reads it.
    private static uint Word(ref ReadOnlySpan<byte> key)
    {
        uint word = BitConverter.IsLittleEndian ? BinaryPrimitives.ReadUInt32LittleEndian(key) : BinaryPrimitives.ReadUInt32BigEndian(key);
        key = key[4..];
        return word;
    }
}
