using System.Diagnostics;
using System.Globalization;
using System.Net;
using EgressAgent.Linux.Epoll;
using EgressAgent.Linux.Sockets;

namespace EgressAgent.Benchmarks.Relay;

/// <summary>The clients, one thread for all of them. Prints what it measured.</summary>
internal sealed unsafe class LoadClient : IDisposable
{
    private const int RequestSize = 64;

    // Seconds.
    private const int MaxSilence = 10;

    private readonly EpollHandle _epoll = EpollHandle.Create();
    private readonly EpollEventBuffer _events = new(256);
    private readonly byte[] _payload = GC.AllocateArray<byte>(1 << 20, pinned: true);
    private readonly IPAddress _address;
    private readonly long _ends;

    private LoadClient(IPAddress address, double seconds)
    {
        _address = address;
        _ends = Stopwatch.GetTimestamp() + (long)(seconds * Stopwatch.Frequency);
    }

    private bool IsOver => Stopwatch.GetTimestamp() >= _ends;

    internal static int Run(string[] arguments)
    {
        var address = IPAddress.Parse(arguments[1]);
        double seconds = double.Parse(arguments[2], CultureInfo.InvariantCulture);
        int clients = int.Parse(arguments[3], CultureInfo.InvariantCulture);
        using var client = new LoadClient(address, seconds);
        Console.WriteLine(arguments[0] switch
        {
            "stream" => client.Stream(seconds),
            "roundtrip" => client.RoundTrip(clients),
            "idle" => client.Idle(clients),
            _ => throw new ArgumentException(arguments[0]),
        });
        return 0;
    }

    public void Dispose()
    {
        _events.Dispose();
        _epoll.Dispose();
    }

    // Bytes per second over one connection.
    private string Stream(double seconds)
    {
        int socket = Open(LoadPorts.Stream);
        long bytes = 0;
        fixed (byte* buffer = _payload)
        {
            while (!IsOver)
            {
                _epoll.Wait(_events, 100);
                IoResult received;
                while (!(received = NativeSocket.Receive(socket, buffer, _payload.Length)).IsError && received.Value > 0)
                {
                    bytes += received.Value;
                }
            }
        }

        NativeSocket.Reset(socket);
        return Format(bytes / seconds);
    }

    // Microseconds: median and 99th percentile, and how many exchanges; each client asks again as soon as it is answered.
    private string RoundTrip(int clients)
    {
        var sent = new long[65536];
        for (int index = 0; index < clients; index++)
        {
            Open(LoadPorts.Echo);
        }

        var times = new List<long>(1 << 20);
        fixed (byte* buffer = _payload)
        {
            while (!IsOver)
            {
                int count = _epoll.Wait(_events, 100);
                for (int index = 0; index < count; index++)
                {
                    int socket = (int)_events.Data(index);
                    if ((_events.Events(index) & EpollEvents.In) != 0)
                    {
                        _ = NativeSocket.Receive(socket, buffer, RequestSize);
                        times.Add(Stopwatch.GetTimestamp() - sent[socket]);
                    }
                    else if (sent[socket] != 0)
                    {
                        continue;
                    }

                    sent[socket] = Stopwatch.GetTimestamp();
                    _ = NativeSocket.Send(socket, buffer, RequestSize);
                }
            }
        }

        times.Sort();
        double microsecond = Stopwatch.Frequency / 1e6;
        return $"{Format(times[times.Count / 2] / microsecond)} {Format(times[times.Count * 99 / 100] / microsecond)} {times.Count}";
    }

    // Opens connections, makes one exchange on each, and holds them until its input ends.
    private string Idle(int clients)
    {
        fixed (byte* buffer = _payload)
        {
            for (int opened = 0; opened < clients; opened++)
            {
                int socket = Open(LoadPorts.Echo);
                bool asked = false;
                for (int silent = 0; ;)
                {
                    silent = _epoll.Wait(_events, 1000) > 0 ? 0 : silent + 1;
                    if (silent == MaxSilence)
                    {
                        throw new InvalidOperationException($"connection {opened + 1} has no answer");
                    }

                    if ((_events.Events(0) & EpollEvents.In) != 0)
                    {
                        _ = NativeSocket.Receive(socket, buffer, RequestSize);
                        break;
                    }

                    if (!asked)
                    {
                        asked = true;
                        _ = NativeSocket.Send(socket, buffer, RequestSize);
                    }
                }
            }
        }

        Console.WriteLine("held");
        Console.In.ReadToEnd();
        return Format(clients);
    }

    private int Open(ushort port)
    {
        var destination = new SocketEndpoint(_address, port);
        IoResult opened = NativeSocket.OpenTcp(destination);
        if (opened.IsError)
        {
            throw new InvalidOperationException($"no socket: {opened.Errno}");
        }

        _ = NativeSocket.SetNoDelay(opened.Value);
        _ = NativeSocket.Connect(opened.Value, destination);
        _ = _epoll.Add(opened.Value, EpollEvents.In | EpollEvents.Out | EpollEvents.EdgeTriggered, (ulong)opened.Value);
        return opened.Value;
    }

    private static string Format(double value) => value.ToString("F1", CultureInfo.InvariantCulture);
}
