using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using EgressAgent.Testing.Lab;

namespace EgressAgent.Testing.Failover;

/// <summary>A client that begins a connection every 10 ms, whatever became of those before, and gives each a quarter of a second.</summary>
public sealed class ConnectProbe : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(250);

    private readonly Lock _lock = new();
    private readonly List<long> _served = [];
    private readonly List<long> _lost = [];
    private readonly LabHost _client;
    private readonly IPEndPoint _server;
    private readonly Thread _thread;
    private volatile bool _isEnding;

    private ConnectProbe(LabHost client, string address, int port)
    {
        (_client, _server) = (client, new IPEndPoint(IPAddress.Parse(address), port));
        _thread = new Thread(Run) { Name = "connect-probe", IsBackground = true };
        _thread.Start();
    }

    public static ConnectProbe Start(LabHost client, string address, int port) => new(client, address, port);

    /// <summary>Whether a connection that began after this moment was made.</summary>
    public bool IsServedSince(long timestamp)
    {
        lock (_lock)
        {
            return _served is [.., var last] && last > timestamp;
        }
    }

    /// <summary>The longest time without a connection that was made, from a moment on until the last one that was, and forgets what was before.</summary>
    /// <param name="timestamp">Of <see cref="Stopwatch.GetTimestamp"/>.</param>
    public TimeSpan LongestGapSince(long timestamp)
    {
        lock (_lock)
        {
            long[] times = [.. _served.Where(time => time < timestamp).TakeLast(1), .. _served.Where(time => time >= timestamp)];
            _served.RemoveAll(time => time < timestamp);
            return times.Length < 2 ? TimeSpan.MaxValue : Stopwatch.GetElapsedTime(0, times.Zip(times.Skip(1), (first, second) => second - first).Max());
        }
    }

    /// <summary>How many connections that began after a moment were not made in their time, and forgets those before.</summary>
    /// <param name="timestamp">Of <see cref="Stopwatch.GetTimestamp"/>.</param>
    public int CountLostSince(long timestamp)
    {
        lock (_lock)
        {
            _lost.RemoveAll(time => time < timestamp);
            return _lost.Count;
        }
    }

    public void Dispose()
    {
        _isEnding = true;
        _thread.Join();
    }

    // The thread is in the client's network namespace for good, and does nothing but raw calls there.
    private void Run() => NamespaceEntry.Run(_client.NamespacePath, () =>
    {
        Queue<(Socket Socket, long Begin)> pending = [];
        long next = Stopwatch.GetTimestamp();
        while (!_isEnding)
        {
            long now = Stopwatch.GetTimestamp();
            if (now >= next)
            {
                next = Math.Max(next + Ticks(Interval), now - Ticks(Interval));
                pending.Enqueue((Begin(), now));
            }

            for (int count = pending.Count; count > 0; count--)
            {
                (Socket Socket, long Begin) attempt = pending.Dequeue();
                if (!IsOver(attempt.Socket, attempt.Begin, now))
                {
                    pending.Enqueue(attempt);
                }
            }

            Thread.Sleep(1);
        }

        foreach ((Socket socket, _) in pending)
        {
            socket.Dispose();
        }

        return 0;
    });

    private Socket Begin()
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false, LingerState = new LingerOption(true, 0) };
        try
        {
            socket.Connect(_server);
        }
        catch (SocketException)
        {
            // It is under way, or has failed, as is seen later.
        }

        return socket;
    }

    private bool IsOver(Socket socket, long begin, long now)
    {
        if (socket.Poll(0, SelectMode.SelectWrite))
        {
            Note(socket.Connected, begin);
        }
        else if (now - begin < Ticks(Patience))
        {
            return false;
        }
        else
        {
            Note(isServed: false, begin);
        }

        socket.Dispose();
        return true;
    }

    private void Note(bool isServed, long begin)
    {
        lock (_lock)
        {
            (isServed ? _served : _lost).Add(begin);
        }
    }

    private static long Ticks(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);
}
