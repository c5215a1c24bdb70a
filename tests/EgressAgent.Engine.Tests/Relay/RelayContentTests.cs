using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using EgressAgent.Testing;

namespace EgressAgent.Engine.Tests.Relay;

/// <summary>Thousands of connections with random sizes, chunks, windows, stalls, half-closes and resets, compared byte for byte.</summary>
public sealed class RelayContentTests(RelayLab.Fixture fixture) : RelayTestBase(fixture)
{
    private const int Seed = 20261122;
    private const int Connections = 3000;
    private const int Workers = 24;

    [Fact]
    public void Content_is_intact_over_thousands_of_connections()
    {
        Socket listener = Keep(Lab.Listen());
        Relay.Apply(RelayLab.Plan(RelayLab.Tcp(80, (IPEndPoint)listener.LocalEndPoint!)));
        var failures = new ConcurrentQueue<Exception>();
        var server = new Thread(() => Serve(listener, failures));
        server.Start();
        int next = -1;
        Thread[] workers = [.. Enumerable.Range(0, Workers).Select(_ => new Thread(() =>
        {
            for (int number = Interlocked.Increment(ref next); number < Connections; number = Interlocked.Increment(ref next))
            {
                Catch(failures, () =>
                {
                    using Socket socket = RelayLab.TcpSocket(Lab.Client, RelayLab.Inside);
                    var conversation = new Conversation(Seed + number, isClient: true);
                    conversation.Tune(socket);
                    socket.Connect(RelayLab.Inside, 80);
                    byte[] header = new byte[4];
                    BinaryPrimitives.WriteInt32LittleEndian(header, Seed + number);
                    socket.Send(header);
                    conversation.Hold(socket);
                });
            }
        }))];
        Array.ForEach(workers, worker => worker.Start());
        Array.ForEach(workers, worker => worker.Join());
        listener.Close();
        server.Join();

        Assert.Empty(failures);
        Eventually.True("all connections end", () => Relay.ConnectionCount == 0);
        Assert.Equal(Connections, Relay.ReadCounters().Single().Connections);
    }

    private static void Serve(Socket listener, ConcurrentQueue<Exception> failures)
    {
        var threads = new List<Thread>();
        while (true)
        {
            Socket socket;
            try
            {
                socket = listener.Accept();
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                break;
            }

            socket.ReceiveTimeout = 10_000;
            socket.SendTimeout = 10_000;
            var thread = new Thread(() => Catch(failures, () =>
            {
                using Socket own = socket;
                byte[] header = new byte[4];
                try
                {
                    ReadExactly(own, header);
                }
                catch (SocketException)
                {
                    // The client reset the connection before its first bytes had come through.
                    return;
                }

                var conversation = new Conversation(BinaryPrimitives.ReadInt32LittleEndian(header), isClient: false);
                conversation.Tune(own);
                conversation.Hold(own);
            }));
            thread.Start();
            threads.Add(thread);
        }

        threads.ForEach(thread => thread.Join());
    }

    private static void Catch(ConcurrentQueue<Exception> failures, Action action)
    {
        try
        {
            action();
        }
        catch (Exception exception)
        {
            failures.Enqueue(exception);
        }
    }
}
