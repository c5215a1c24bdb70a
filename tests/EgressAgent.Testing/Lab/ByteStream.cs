using System.Net;
using System.Net.Sockets;

namespace EgressAgent.Testing.Lab;

/// <summary>Sends on one TCP connection as fast as it is taken, and counts.</summary>
public sealed class ByteStream : IDisposable
{
    private static readonly TimeSpan Standstill = TimeSpan.FromMilliseconds(300);

    private readonly Func<Socket> _open;
    private readonly Action _close;
    private readonly Thread _thread;
    private long _bytes;
    private volatile bool _finishing;

    private ByteStream(Func<Socket> open, Action close)
    {
        (_open, _close) = (open, close);
        _thread = new Thread(Run) { Name = "byte-stream", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Connects from <paramref name="client"/>.</summary>
    public static ByteStream Connect(LabHost client, string address, int port)
    {
        Socket socket = client.CreateSocket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(address, port);
        return new ByteStream(() => socket, socket.Dispose);
    }

    /// <summary>Sends to the first client that connects to <paramref name="server"/>.</summary>
    public static ByteStream Serve(LabHost server, string address, int port)
    {
        Socket? accepted = null;
        Socket listener = server.CreateSocket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp, socket =>
        {
            socket.Bind(new IPEndPoint(IPAddress.Parse(address), port));
            socket.Listen(1);
        });
        return new ByteStream(() => accepted = listener.Accept(), () =>
        {
            listener.Dispose();
            accepted?.Dispose();
        });
    }

    /// <summary>Waits until <paramref name="more"/> bytes were taken after the call.</summary>
    public void WaitForBytes(long more)
    {
        long target = Interlocked.Read(ref _bytes) + more;
        Eventually.True("the stream to go on", () => Interlocked.Read(ref _bytes) >= target, TimeSpan.FromSeconds(30));
    }

    /// <summary>Waits until nothing is taken for a while.</summary>
    public void WaitForStandstill() => Eventually.True("the stream to stand still", () =>
    {
        long before = Interlocked.Read(ref _bytes);
        Thread.Sleep(Standstill);
        return Interlocked.Read(ref _bytes) == before;
    });

    /// <summary>Ends the stream in good order.</summary>
    /// <returns>How many bytes it had.</returns>
    public long Finish()
    {
        _finishing = true;
        _thread.Join();
        return _bytes;
    }

    public void Dispose()
    {
        _finishing = true;
        _close();
        _thread.Join();
    }

    private void Run()
    {
        byte[] chunk = new byte[64 * 1024];
        try
        {
            Socket socket = _open();
            while (!_finishing)
            {
                Interlocked.Add(ref _bytes, socket.Send(chunk));
            }

            socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed of, or the other end went.
        }
    }
}
