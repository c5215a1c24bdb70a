using System.Net;
using System.Net.Sockets;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Flows;

/// <summary>Takes in what the other members send, by TCP at the port at which heartbeats come by UDP.</summary>
/// <param name="settings">Where.</param>
/// <param name="replicas">Where it is kept.</param>
internal sealed class FlowListener(HeartbeatSettings settings, FlowReplicas replicas) : IDisposable
{
    // Of members there are some; anybody else gets no further than the first batch.
    private const int MaxConnections = 64;

    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FirstBatchTime = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _end = new();
    private readonly SemaphoreSlim _room = new(MaxConnections);

    public void Dispose() => _end.Cancel();

    /// <summary>Begins; the address may come later.</summary>
    /// <param name="key">By whom what comes is to be signed.</param>
    internal void Start(byte[] key) => _ = Task.Run(() => RunAsync(key));

    private async Task RunAsync(byte[] key)
    {
        while (!_end.IsCancellationRequested)
        {
            try
            {
                using Socket listener = new(settings.Listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                listener.Bind(new IPEndPoint(settings.Listen, settings.Port));
                listener.Listen();
                while (true)
                {
                    await _room.WaitAsync(_end.Token).ConfigureAwait(false);
                    _ = ReceiveAsync(await AcceptAsync(listener).ConfigureAwait(false), key);
                }
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException)
            {
                // Whoever sends says that nobody listens.
            }

            await Task.Delay(RetryInterval, _end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<Socket> AcceptAsync(Socket listener)
    {
        try
        {
            return await listener.AcceptAsync(_end.Token).ConfigureAwait(false);
        }
        catch
        {
            _room.Release();
            throw;
        }
    }

    private async Task ReceiveAsync(Socket socket, byte[] key)
    {
        try
        {
            using Socket owned = socket;
            owned.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            owned.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 10);
            owned.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 5);
            using CancellationTokenSource first = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
            first.CancelAfter(FirstBatchTime);
            using FlowChannel channel = await FlowChannel.AcceptAsync(owned, key, first.Token).ConfigureAwait(false);
            replicas.Note(FlowBatch.Read(await channel.ReceiveAsync(first.Token).ConfigureAwait(false)));
            while (true)
            {
                replicas.Note(FlowBatch.Read(await channel.ReceiveAsync(_end.Token).ConfigureAwait(false)));
            }
        }
        catch (Exception over) when (over is IOException or SocketException or InvalidDataException or OperationCanceledException)
        {
            // What was sent until then is kept: the sender may be dead.
        }
        finally
        {
            _room.Release();
        }
    }
}
