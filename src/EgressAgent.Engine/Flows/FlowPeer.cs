using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace EgressAgent.Engine.Flows;

/// <summary>
/// Sends batches to one other member: all that there is when a connection is made, and from then on what changes. Without a connection
/// nothing waits. Thread-safe.
/// </summary>
internal sealed class FlowPeer : IDisposable
{
    // A node that does not take them in any more loses its connection, and gets all of them by the next.
    private const int MaxWaiting = 4096;

    // A node that restarts may take a router over a moment later.
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan ConnectTime = TimeSpan.FromSeconds(2);

    // That a node restarts, or has just died, others say.
    private static readonly TimeSpan UntilTold = TimeSpan.FromSeconds(5);

    private readonly IPEndPoint _from;
    private readonly IPEndPoint _to;
    private readonly byte[] _key;
    private readonly Func<IEnumerable<FlowBatch>> _list;
    private readonly TimeProvider _time;
    private readonly Action<string?> _told;
    private readonly CancellationTokenSource _end = new();
    private volatile Channel<FlowBatch>? _waiting;

    /// <param name="from">This node's address.</param>
    /// <param name="to">Where the other one listens.</param>
    /// <param name="key">With what is signed.</param>
    /// <param name="list">All that there is; on a thread of the pool.</param>
    /// <param name="time">The clock by which it is told.</param>
    /// <param name="told">Called with why nothing is sent, or null once it is, when that is something else than before.</param>
    internal FlowPeer(IPAddress from, IPEndPoint to, byte[] key, Func<IEnumerable<FlowBatch>> list, TimeProvider time, Action<string?> told)
    {
        (_from, _to, _key, _list, _time, _told) = (new IPEndPoint(from, 0), to, key, list, time, told);
        _ = Task.Run(RunAsync);
    }

    public void Dispose() => _end.Cancel();

    internal void Send(FlowBatch batch)
    {
        if (_waiting is { } waiting && !waiting.Writer.TryWrite(batch))
        {
            waiting.Writer.TryComplete(new IOException("it does not take in what is sent"));
        }
    }

    private async Task RunAsync()
    {
        string? last = "";
        long? failingSince = null;
        while (!_end.IsCancellationRequested)
        {
            try
            {
                await SendAllAsync(() => Tell(null)).ConfigureAwait(false);
            }
            catch (Exception) when (_end.IsCancellationRequested)
            {
                return;
            }
            catch (OperationCanceledException)
            {
                Tell($"no connection to {_to} (TCP) within {ConnectTime.TotalSeconds} s; a firewall between?");
            }
            catch (Exception failure) when (failure is SocketException or IOException or InvalidDataException or Linux.LinuxException or ChannelClosedException)
            {
                Tell($"{_to} (TCP): {(failure.InnerException ?? failure).Message}");
            }

            await Task.Delay(RetryInterval, _end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        void Tell(string? problem)
        {
            failingSince = problem is null ? null : failingSince ?? _time.GetTimestamp();
            if (problem != last && (failingSince is not { } since || _time.GetElapsedTime(since) > UntilTold))
            {
                last = problem;
                _told(problem);
            }
        }
    }

    private async Task SendAllAsync(Action begun)
    {
        using Socket socket = new(_to.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using FlowChannel channel = await ConnectAsync(socket).ConfigureAwait(false);
        Channel<FlowBatch> waiting = Channel.CreateBounded<FlowBatch>(new BoundedChannelOptions(MaxWaiting) { SingleReader = true });
        try
        {
            // What changes meanwhile comes after it.
            _waiting = waiting;
            _ = EndAsync(channel, waiting.Writer);
            foreach (FlowBatch batch in _list())
            {
                await channel.SendAsync(batch.Write(), _end.Token).ConfigureAwait(false);
            }

            begun();
            await foreach (FlowBatch batch in waiting.Reader.ReadAllAsync(_end.Token).ConfigureAwait(false))
            {
                await channel.SendAsync(batch.Write(), _end.Token).ConfigureAwait(false);
            }
        }
        finally
        {
            _waiting = null;
        }
    }

    // A node that starts anew knows nothing, which is seen when its connection ends, not when there is something to send.
    private static async Task EndAsync(FlowChannel channel, ChannelWriter<FlowBatch> waiting) =>
        waiting.TryComplete(new IOException(await channel.WaitForEndAsync().ConfigureAwait(false)));

    private async Task<FlowChannel> ConnectAsync(Socket socket)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        limit.CancelAfter(ConnectTime);
        socket.Bind(_from);
        await socket.ConnectAsync(_to, limit.Token).ConfigureAwait(false);
        return await FlowChannel.OpenAsync(socket, _key, limit.Token).ConfigureAwait(false);
    }
}
