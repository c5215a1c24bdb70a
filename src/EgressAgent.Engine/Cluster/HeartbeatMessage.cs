using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace EgressAgent.Engine.Cluster;

/// <summary>A heartbeat, or the promise of who heard it, as a datagram that only members can make.</summary>
/// <param name="IsAnswer">Whether it is a promise.</param>
/// <param name="From">The node that sends it.</param>
/// <param name="To">Of a promise, the node whose heartbeat it answers; else empty, for all.</param>
/// <param name="Beat">The heartbeat, also that which is answered.</param>
internal sealed record HeartbeatMessage(bool IsAnswer, string From, string To, Heartbeat Beat)
{
    /// <summary>Of the key, bytes.</summary>
    internal const int KeySize = 32;

    private const byte Answer = 1;
    private const byte Renewed = 2;
    private const int LongestName = 253;

    private static ReadOnlySpan<byte> Version => "EGH1"u8;

    internal byte[] Sign(ReadOnlySpan<byte> key)
    {
        byte[] numbers = new byte[2 * sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(numbers, Beat.Lease);
        BinaryPrimitives.WriteInt64BigEndian(numbers.AsSpan(sizeof(long)), Beat.Counter);
        byte flags = (byte)((IsAnswer ? Answer : 0) | (Beat.IsRenewed ? Renewed : 0));
        byte[] content = [.. Version, flags, .. Name(From), .. Name(To), .. numbers];
        return [.. content, .. HMACSHA256.HashData(key, content)];
    }

    /// <summary>Null for what no member of the cluster has made.</summary>
    internal static HeartbeatMessage? Verify(ReadOnlySpan<byte> datagram, ReadOnlySpan<byte> key)
    {
        if (datagram.Length < Version.Length + HMACSHA256.HashSizeInBytes || !datagram.StartsWith(Version))
        {
            return null;
        }

        ReadOnlySpan<byte> content = datagram[..^HMACSHA256.HashSizeInBytes];
        if (!CryptographicOperations.FixedTimeEquals(datagram[^HMACSHA256.HashSizeInBytes..], HMACSHA256.HashData(key, content)))
        {
            return null;
        }

        byte flags = content[Version.Length];
        ReadOnlySpan<byte> rest = content[(Version.Length + 1)..];
        string from = TakeName(ref rest);
        string to = TakeName(ref rest);
        Heartbeat beat = new(BinaryPrimitives.ReadInt64BigEndian(rest), BinaryPrimitives.ReadInt64BigEndian(rest[sizeof(long)..]), (flags & Renewed) != 0);
        return new HeartbeatMessage((flags & Answer) != 0, from, to, beat);
    }

    private static byte[] Name(string name)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes.Length, LongestName);
        return [(byte)bytes.Length, .. bytes];
    }

    private static string TakeName(ref ReadOnlySpan<byte> rest)
    {
        string name = Encoding.UTF8.GetString(rest.Slice(1, rest[0]));
        rest = rest[(1 + rest[0])..];
        return name;
    }
}
