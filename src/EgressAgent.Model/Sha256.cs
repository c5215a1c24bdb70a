using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace EgressAgent.Model;

/// <summary>
/// SHA-256 (FIPS 180-4) of short texts, from which names and addresses are derived. The runtime's own loads OpenSSL, of which 3.4 MB
/// stay resident.
/// </summary>
public static class Sha256
{
    /// <summary>The length of a digest, bytes.</summary>
    public const int Size = 32;

    private const int BlockSize = 64;

    // The first 32 bits of the fractional parts: of the cube roots of the first 64 primes, and of the square roots of the first 8.
    private static readonly uint[] Constants = [.. Primes(64).Select(prime => Fraction(prime, power: 3))];
    private static readonly uint[] Start = [.. Primes(8).Select(prime => Fraction(prime, power: 2))];

    /// <summary>The digest of a text in UTF-8.</summary>
    public static byte[] Hash(string text)
    {
        byte[] content = Encoding.UTF8.GetBytes(text);
        byte[] padded = new byte[(content.Length + 1 + sizeof(ulong) + BlockSize - 1) / BlockSize * BlockSize];
        content.CopyTo(padded, 0);
        padded[content.Length] = 0x80;
        BinaryPrimitives.WriteUInt64BigEndian(padded.AsSpan(^sizeof(ulong)..), (ulong)content.Length * 8);

        uint[] state = [.. Start];
        for (int offset = 0; offset < padded.Length; offset += BlockSize)
        {
            Compress(state, padded.AsSpan(offset, BlockSize));
        }

        byte[] digest = new byte[Size];
        for (int i = 0; i < state.Length; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(digest.AsSpan(i * sizeof(uint)), state[i]);
        }

        return digest;
    }

    private static void Compress(uint[] state, ReadOnlySpan<byte> block)
    {
        Span<uint> schedule = stackalloc uint[64];
        for (int t = 0; t < 16; t++)
        {
            schedule[t] = BinaryPrimitives.ReadUInt32BigEndian(block[(t * sizeof(uint))..]);
        }

        for (int t = 16; t < schedule.Length; t++)
        {
            uint w15 = schedule[t - 15];
            uint w2 = schedule[t - 2];
            schedule[t] = schedule[t - 16] + schedule[t - 7]
                + (BitOperations.RotateRight(w15, 7) ^ BitOperations.RotateRight(w15, 18) ^ (w15 >> 3))
                + (BitOperations.RotateRight(w2, 17) ^ BitOperations.RotateRight(w2, 19) ^ (w2 >> 10));
        }

        (uint a, uint b, uint c, uint d) = (state[0], state[1], state[2], state[3]);
        (uint e, uint f, uint g, uint h) = (state[4], state[5], state[6], state[7]);
        for (int t = 0; t < schedule.Length; t++)
        {
            uint sumE = BitOperations.RotateRight(e, 6) ^ BitOperations.RotateRight(e, 11) ^ BitOperations.RotateRight(e, 25);
            uint sumA = BitOperations.RotateRight(a, 2) ^ BitOperations.RotateRight(a, 13) ^ BitOperations.RotateRight(a, 22);
            uint first = h + sumE + ((e & f) ^ (~e & g)) + Constants[t] + schedule[t];
            uint second = sumA + ((a & b) ^ (a & c) ^ (b & c));
            (h, g, f, e, d, c, b, a) = (g, f, e, d + first, c, b, a, first + second);
        }

        uint[] round = [a, b, c, d, e, f, g, h];
        for (int i = 0; i < state.Length; i++)
        {
            state[i] += round[i];
        }
    }

    private static IEnumerable<uint> Primes(int count) =>
        Enumerable.Range(2, int.MaxValue - 2).Where(number => Enumerable.Range(2, number - 2).All(divisor => number % divisor != 0)).Take(count).Select(number => (uint)number);

    // Exact: the greatest root such that root^power <= number * 2^(32 * power); its lower half.
    private static uint Fraction(uint number, int power)
    {
        UInt128 target = (UInt128)number << (32 * power);
        ulong root = 0;
        for (ulong bit = 1UL << 36; bit != 0; bit >>= 1)
        {
            ulong candidate = root | bit;
            if ((UInt128)candidate * candidate * (power == 3 ? candidate : 1) <= target)
            {
                root = candidate;
            }
        }

        return (uint)root;
    }
}
