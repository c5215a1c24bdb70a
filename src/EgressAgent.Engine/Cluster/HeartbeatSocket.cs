using System.Net;
using System.Net.Sockets;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Cluster;

/// <summary>Sends and hears heartbeats over UDP, from one port to the same of other nodes. What is not signed with the key is not told.</summary>
/// <param name="settings">Where.</param>
/// <param name="told">What a member has sent; on any thread.</param>
internal sealed class HeartbeatSocket(HeartbeatSettings settings, Action<HeartbeatMessage> told) : IDisposable
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _end = new();
    private volatile byte[]? _key;
    private Socket? _socket;
    private long _retry;

    /// <summary>Why nothing is heard; null when that is not known.</summary>
    internal string? Problem { get; private set; }

    /// <summary>With what is signed from now on; null while it is not known, and nothing is sent or heard.</summary>
    internal byte[]? Key
    {
        set => _key = value;
    }

    public void Dispose()
    {
        _end.Cancel();
        _socket?.Dispose();
        _end.Dispose();
    }

    /// <summary>Sends to a node; what cannot be sent is lost, as on the way.</summary>
    /// <param name="message">What.</param>
    /// <param name="place">The node's <see cref="NodeRecord.Heartbeat"/>.</param>
    internal void Send(HeartbeatMessage message, string place)
    {
        if (_key is not { } key || !IPEndPoint.TryParse(place, out IPEndPoint? endpoint) || Open() is not { } socket || endpoint.AddressFamily != socket.AddressFamily)
        {
            return;
        }

        try
        {
            socket.SendTo(message.Sign(key), SocketFlags.None, endpoint);
        }
        catch (SocketException)
        {
            // No way there, or the kernel heard so of an earlier one.
        }
    }

    /// <summary>Begins to hear, where that is not so yet.</summary>
    internal void Listen() => Open();

    // The address may come later than the agent.
    private Socket? Open()
    {
        if (_socket is not null || _key is null || Environment.TickCount64 < _retry)
        {
            return _socket;
        }

        Socket socket = new(settings.Listen.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { Blocking = false };
        try
        {
            socket.Bind(new IPEndPoint(settings.Listen, settings.Port));
        }
        catch (SocketException refusal)
        {
            socket.Dispose();
            _retry = Environment.TickCount64 + (long)RetryInterval.TotalMilliseconds;
            Problem = $"heartbeats cannot be heard at {new IPEndPoint(settings.Listen, settings.Port)} (UDP): {refusal.Message}";
            return null;
        }

        Problem = null;
        _socket = socket;
        _ = HearAsync(socket, _end.Token);
        return socket;
    }

    private async Task HearAsync(Socket socket, CancellationToken end)
    {
        byte[] buffer = new byte[1024];
        EndPoint anybody = new IPEndPoint(settings.Listen.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        while (!end.IsCancellationRequested)
        {
            try
            {
                SocketReceiveFromResult received = await socket.ReceiveFromAsync(buffer, SocketFlags.None, anybody, end).ConfigureAwait(false);
                if (_key is { } key && HeartbeatMessage.Verify(buffer.AsSpan(0, received.ReceivedBytes), key) is { } message)
                {
                    told(message);
                }
            }
            catch (SocketException)
            {
                // What an earlier datagram met on its way, or one that is too long for a heartbeat.
            }
            catch (Exception over) when (over is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }
}
