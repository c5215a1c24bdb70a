using System.Net.Sockets;

namespace EgressAgent.Engine.Tests.Relay;

/// <summary>
/// One end of a random exchange. Both ends derive from the seed what each sends and how it ends, so each can check the other:
/// after a proper end all bytes have come and then a FIN; after a reset what came is a beginning of it and then an error.
/// </summary>
internal sealed class Conversation
{
    private readonly Random _behaviour;
    private readonly Script _own;
    private readonly Script _other;

    internal Conversation(int seed, bool isClient)
    {
        var client = new Script(new Random(seed));
        var server = new Script(new Random(~seed));

        // At most one end resets.
        server.ResetsAt = client.ResetsAt < 0 ? server.ResetsAt : -1;
        (_own, _other) = isClient ? (client, server) : (server, client);
        _behaviour = new Random(seed ^ (isClient ? 0x5555 : 0x3333));
    }

    internal void Tune(Socket socket)
    {
        if (_behaviour.Next(3) == 0)
        {
            socket.ReceiveBufferSize = 1 << _behaviour.Next(10, 14);
        }

        if (_behaviour.Next(3) == 0)
        {
            socket.SendBufferSize = 1 << _behaviour.Next(11, 15);
        }
    }

    internal void Hold(Socket socket)
    {
        Exception? failure = null;
        bool sendWasReset = false;
        var sender = new Thread(() =>
        {
            try
            {
                Send(socket);
            }
            catch (SocketException) when (_other.ResetsAt >= 0)
            {
                // The other end has reset the connection while we wrote.
                sendWasReset = true;
            }
            catch (Exception exception)
            {
                failure = exception;
            }
        });
        sender.Start();
        bool hasReset = _own.ResetsAt >= 0;
        if (hasReset)
        {
            sender.Join();
            socket.LingerState = new LingerOption(true, 0);
            socket.Close();
        }
        else
        {
            bool sawReset = Receive(socket);
            sender.Join();

            // A socket tells of a reset once: to whoever reads or writes first.
            Assert.Equal(_other.ResetsAt >= 0, sawReset || sendWasReset);
        }

        if (failure is not null)
        {
            throw new InvalidOperationException("sending failed", failure);
        }
    }

    private void Send(Socket socket)
    {
        byte[] payload = _own.Payload;
        int end = _own.ResetsAt >= 0 ? _own.ResetsAt : payload.Length;
        for (int sent = 0; sent < end;)
        {
            sent += socket.Send(payload, sent, Math.Min(end - sent, ChunkSize()), SocketFlags.None);
            Stall();
        }

        if (_own.ResetsAt < 0)
        {
            socket.Shutdown(SocketShutdown.Send);
        }
    }

    private bool Receive(Socket socket)
    {
        byte[] expected = _other.Payload;
        byte[] buffer = new byte[65536];
        int received = 0;
        try
        {
            while (true)
            {
                int count = socket.Receive(buffer, 0, Math.Min(buffer.Length, ChunkSize()), SocketFlags.None);
                if (count == 0)
                {
                    Assert.True(_other.ResetsAt >= 0 || expected.Length == received, $"a FIN after {received} of {expected.Length}");
                    return false;
                }

                Assert.True(received + count <= expected.Length, "more bytes than were sent");
                Assert.True(buffer.AsSpan(0, count).SequenceEqual(expected.AsSpan(received, count)), $"other bytes at {received}");
                received += count;
                Stall();
            }
        }
        catch (SocketException exception)
        {
            Assert.True(_other.ResetsAt >= 0, $"{exception.SocketErrorCode} after {received} of {expected.Length}");
            return true;
        }
    }

    private int ChunkSize()
    {
        lock (_behaviour)
        {
            return _behaviour.Next(4) == 0 ? _behaviour.Next(1, 100) : _behaviour.Next(1, 60_000);
        }
    }

    private void Stall()
    {
        int choice;
        lock (_behaviour)
        {
            choice = _behaviour.Next(200);
        }

        if (choice == 0)
        {
            Thread.Sleep(3);
        }
    }

    private sealed class Script
    {
        internal Script(Random random)
        {
            Payload = new byte[random.Next(4) == 0 ? random.Next(300_000) : random.Next(4_000)];
            random.NextBytes(Payload);
            ResetsAt = random.Next(6) == 0 ? random.Next(Payload.Length + 1) : -1;
        }

        internal byte[] Payload { get; }

        /// <summary>After how many bytes this end resets the connection; −1 for a proper end.</summary>
        internal int ResetsAt { get; set; }
    }
}
