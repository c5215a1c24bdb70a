using System.Buffers.Binary;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace EgressAgent.Engine.Flows;

/// <summary>
/// A connection by which one member of a cluster sends batches to another one. Each is signed with the cluster's key, over its number and
/// what the receiver chose for this connection, so that none can be made, changed, left out, or sent again by others. They can be read
/// on the way, as the flows' own packets can.
/// </summary>
internal sealed class FlowChannel : IDisposable
{
    /// <summary>More than <see cref="FlowBatch.MaxCount"/> updates take.</summary>
    internal const int MaxLength = 64 * 1024;

    private const int ChallengeSize = 16;
    private const int NumberSize = sizeof(long);

    private readonly NetworkStream _stream;
    private readonly byte[] _key;

    // The challenge, and the number of the batch.
    private readonly byte[] _place;
    private long _number;

    private FlowChannel(Socket socket, byte[] key, byte[] challenge)
    {
        _stream = new NetworkStream(socket, ownsSocket: true);
        _key = key;
        _place = [.. challenge, .. new byte[NumberSize]];
    }

    private static ReadOnlySpan<byte> Version => "EGF1"u8;

    /// <summary>Of who sends.</summary>
    /// <exception cref="IOException">The connection ended.</exception>
    /// <exception cref="InvalidDataException">There is something else.</exception>
    internal static async Task<FlowChannel> OpenAsync(Socket socket, byte[] key, CancellationToken end)
    {
        using NetworkStream stream = new(socket, ownsSocket: false);
        byte[] greeting = new byte[Version.Length + ChallengeSize];
        await stream.ReadExactlyAsync(greeting, end).ConfigureAwait(false);
        return greeting.AsSpan().StartsWith(Version)
            ? new FlowChannel(socket, key, greeting[Version.Length..])
            : throw new InvalidDataException("what listens there is no egress-agentd of this version");
    }

    /// <summary>Of who receives.</summary>
    /// <exception cref="IOException">The connection ended.</exception>
    internal static async Task<FlowChannel> AcceptAsync(Socket socket, byte[] key, CancellationToken end)
    {
        byte[] challenge = RandomNumberGenerator.GetBytes(ChallengeSize);
        byte[] greeting = [.. Version, .. challenge];
        using NetworkStream stream = new(socket, ownsSocket: false);
        await stream.WriteAsync(greeting, end).ConfigureAwait(false);
        return new FlowChannel(socket, key, challenge);
    }

    public void Dispose() => _stream.Dispose();

    /// <exception cref="IOException">The connection ended.</exception>
    internal async Task SendAsync(byte[] content, CancellationToken end)
    {
        byte[] length = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(length, content.Length);
        byte[] frame = [.. length, .. content, .. SignNext(content)];
        await _stream.WriteAsync(frame, end).ConfigureAwait(false);
    }

    /// <exception cref="IOException">The connection ended.</exception>
    /// <exception cref="InvalidDataException">It is of no member.</exception>
    internal async Task<byte[]> ReceiveAsync(CancellationToken end)
    {
        byte[] length = new byte[sizeof(int)];
        await _stream.ReadExactlyAsync(length, end).ConfigureAwait(false);
        int count = BinaryPrimitives.ReadInt32BigEndian(length);
        if (count is < 0 or > MaxLength)
        {
            throw new InvalidDataException($"a batch of {count} bytes");
        }

        byte[] frame = new byte[count + HMACSHA256.HashSizeInBytes];
        await _stream.ReadExactlyAsync(frame, end).ConfigureAwait(false);
        byte[] content = frame[..count];
        return CryptographicOperations.FixedTimeEquals(SignNext(content), frame.AsSpan(count))
            ? content
            : throw new InvalidDataException("a batch that no member of the cluster has signed");
    }

    /// <summary>Of who sends: waits until the connection ends.</summary>
    /// <returns>Why it did.</returns>
    internal async Task<string> WaitForEndAsync()
    {
        try
        {
            // Who receives says nothing.
            await _stream.ReadAsync(new byte[1]).ConfigureAwait(false);
            return "the connection ended";
        }
        catch (Exception end) when (end is IOException or ObjectDisposedException)
        {
            return end.Message;
        }
    }

    private byte[] SignNext(byte[] content)
    {
        BinaryPrimitives.WriteInt64BigEndian(_place.AsSpan(ChallengeSize), _number++);
        return HMACSHA256.HashData(_key, (byte[])[.. _place, .. content]);
    }
}
