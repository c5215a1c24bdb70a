using System.Net.Sockets;

namespace EgressAgent.Testing.Lab;

/// <summary>A long-running TCP transfer: sends blocks to an <see cref="EchoServer"/> and checks each that comes back.</summary>
public sealed class EchoedTransfer : IDisposable
{
    private const int BlockBytes = 4096;

    private readonly Socket _socket;
    private readonly TimeSpan _pause;
    private readonly Thread _thread;
    private long _blocks;
    private volatile bool _stopping;
    private volatile Exception? _failure;

    private EchoedTransfer(Socket socket, TimeSpan pause)
    {
        _socket = socket;
        _pause = pause;
        _thread = new Thread(Run) { Name = "transfer", IsBackground = true };
    }

    /// <summary>How many blocks came back unharmed.</summary>
    public long Blocks => Interlocked.Read(ref _blocks);

    /// <summary>Connects from <paramref name="client"/> and lets the transfer run.</summary>
    /// <param name="client">Where it connects from.</param>
    /// <param name="address">Where it connects to.</param>
    /// <param name="port">Where it connects to.</param>
    /// <param name="pause">Between two blocks, for a transfer that leaves the machine to others.</param>
    public static EchoedTransfer Start(LabHost client, string address, int port, TimeSpan pause = default)
    {
        Socket socket = client.OpenTcp(address, port);
        ReadLine(socket);
        EchoedTransfer transfer = new(socket, pause);
        transfer._thread.Start();
        return transfer;
    }

    /// <summary>Waits until <paramref name="more"/> blocks, sent after this call, came back.</summary>
    /// <exception cref="IOException">The connection broke, or what came back was not what was sent.</exception>
    public void WaitForBlocks(int more)
    {
        // One more: a block may be under way.
        long target = Blocks + more + 1;
        Eventually.True("the transfer to go on", () => Broke || Blocks >= target);
        if (_failure is { } failure)
        {
            throw new IOException("The transfer was interrupted.", failure);
        }
    }

    /// <summary>Whether the connection broke.</summary>
    public bool Broke => _failure is not null;

    public void Dispose()
    {
        _stopping = true;
        _thread.Join();
        _socket.Dispose();
    }

    private static void ReadLine(Socket socket)
    {
        byte[] one = new byte[1];
        while (socket.Receive(one) == 1 && one[0] != '\n')
        {
        }
    }

    private void Run()
    {
        byte[] sent = new byte[BlockBytes];
        byte[] received = new byte[BlockBytes];
        try
        {
            while (!_stopping)
            {
                Random.Shared.NextBytes(sent);
                _socket.Send(sent);
                for (int length = 0; length < BlockBytes;)
                {
                    int more = _socket.Receive(received, length, BlockBytes - length, SocketFlags.None);
                    length += more > 0 ? more : throw new IOException("The connection was closed.");
                }

                if (!sent.AsSpan().SequenceEqual(received))
                {
                    throw new IOException("What came back is not what was sent.");
                }

                Interlocked.Increment(ref _blocks);
                if (_pause > TimeSpan.Zero)
                {
                    Thread.Sleep(_pause);
                }
            }
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            _failure = e;
        }
    }
}
