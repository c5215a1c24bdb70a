using System.Runtime.InteropServices;
using EgressAgent.Linux;
using EgressAgent.Linux.Sockets;

namespace EgressAgent.Engine.Relay;

/// <summary>
/// A relayed SCTP association. Messages stay whole, on the stream that they were sent on, with their payload protocol identifier
/// and order. The two associations have as many streams as the narrower of them allows when the destination is asked. There is no
/// half-closed state (RFC 9260 section 9.2): when one side shuts down, what it sent is delivered and the other side is shut down.
/// </summary>
internal sealed unsafe class SctpConnection : RelayedConnection
{
    /// <summary>
    /// The longest message that is carried, in bytes: a little more than the buffers of a Linux host allow unless it is told otherwise
    /// (net.core.wmem_default). It has to be here whole, since Linux cannot send one in parts.
    /// </summary>
    internal const int MaxMessage = 1 << 18;

    // What a listener offers and takes: the destination is asked for what the client was given. The kernel keeps 24 bytes each.
    private const ushort MaxStreams = 256;

    // How many parts of messages a direction may read before it lets others have their turn.
    private const int ReadsPerTurn = 16;

    private SctpMessage _messageToServer;
    private SctpMessage _messageToClient;

    internal SctpConnection(RelayShard shard, in AcceptedClient accepted)
        : base(shard, accepted)
    {
    }

    /// <summary>Sets what accepted sockets inherit from their listener.</summary>
    internal static Errno PrepareListener(int socket)
    {
        Errno errno = Prepare(socket);
        return errno.IsSuccess ? NativeSocket.SetSctpStreams(socket, MaxStreams, MaxStreams) : errno;
    }

    // Silent peers are found by SCTP's own heartbeats.
    private protected override void PrepareServer()
    {
        _ = Prepare(Server);
        if (NativeSocket.GetSctpStreams(Client, out ushort toClient, out ushort toServer).IsSuccess)
        {
            _ = NativeSocket.SetSctpStreams(Server, outbound: toServer, inbound: toClient);
        }
    }

    private protected override Progress Pump(ref ConnectionDirection toServer, ref ConnectionDirection toClient, ref bool isHalfClosed)
    {
        Progress client = Pump(ref toClient, ref _messageToClient, Server, Client);
        Progress server = Pump(ref toServer, ref _messageToServer, Client, Server);
        if (client == Progress.Broken || server == Progress.Broken)
        {
            return Progress.Broken;
        }

        if (client == Progress.Finished || server == Progress.Finished)
        {
            Drain(client == Progress.Finished ? Client : Server);
            return Progress.Finished;
        }

        return client == Progress.TurnUsed ? client : server;
    }

    private protected override void ReleaseStorage(ref ConnectionDirection toServer, ref ConnectionDirection toClient)
    {
        ReleaseStorage(ref toServer, ref _messageToServer);
        ReleaseStorage(ref toClient, ref _messageToClient);
    }

    private static Errno Prepare(int socket)
    {
        Errno errno = NativeSocket.SetSctpNoDelay(socket);
        return errno.IsSuccess ? NativeSocket.SetReceiveMessageInfo(socket) : errno;
    }

    // As for TCP, neither side may be given up before it has said EAGAIN: the watch is edge-triggered.
    private Progress Pump(ref ConnectionDirection direction, ref SctpMessage message, int source, int sink)
    {
        int reads = 0;
        while (true)
        {
            if (message.IsWhole && !direction.IsFinished)
            {
                if (!direction.IsWritable)
                {
                    return Progress.Waiting;
                }

                IoResult sent = Send(sink, direction, message);
                if (sent.WouldBlock)
                {
                    direction.IsWritable = false;
                    return Progress.Waiting;
                }

                if (sent.IsError && sent.Errno != Errno.EPIPE)
                {
                    return Progress.Broken;
                }

                direction.IsFinished = sent.IsError;
                direction.Bytes += sent.IsError ? 0 : direction.Held;
                direction.Held = 0;
                message.IsWhole = false;
            }

            if (direction.IsEnded)
            {
                return Progress.Finished;
            }

            if (direction.IsFinished)
            {
                // The sink has shut down and takes nothing more. What it sent before may still be on its way to the source.
                direction.Held = 0;
                message.IsWhole = false;
            }

            if (!direction.IsReadable || !(direction.IsWritable || direction.IsFinished))
            {
                if (direction.Held == 0)
                {
                    ReleaseStorage(ref direction, ref message);
                }

                return Progress.Waiting;
            }

            if (reads++ == ReadsPerTurn)
            {
                return Progress.TurnUsed;
            }

            if (!MakeRoom(ref direction, ref message))
            {
                return Progress.Broken;
            }

            IoResult received = NativeSocket.ReceiveMessage(
                source, direction.Buffer + direction.Held, message.Capacity - direction.Held, out message.Info, out message.IsWhole);
            if (received.IsError)
            {
                if (!received.WouldBlock)
                {
                    return Progress.Broken;
                }

                direction.IsReadable = false;
            }
            else if (received.Value == 0)
            {
                direction.IsEnded = true;
            }
            else
            {
                direction.Held += received.Value;
            }
        }
    }

    // To close a socket with something unread would abort, and take from the peer what it has not read yet. After this nothing more
    // comes in.
    private void Drain(int socket)
    {
        byte* buffer = Loop.Buffers.Take();
        NativeSocket.Shutdown(socket);
        while (NativeSocket.Receive(socket, buffer, BufferPool.BufferSize) is { IsError: false, Value: > 0 })
        {
        }

        Loop.Buffers.Return(buffer);
    }

    // What is longer than the socket's send buffer is refused.
    private static IoResult Send(int sink, in ConnectionDirection direction, in SctpMessage message)
    {
        IoResult sent = NativeSocket.SendMessage(sink, direction.Buffer, direction.Held, message.Info);
        return sent.Errno == Errno.EMSGSIZE && NativeSocket.ForceSendBuffer(sink, direction.Held).IsSuccess
            ? NativeSocket.SendMessage(sink, direction.Buffer, direction.Held, message.Info)
            : sent;
    }

    // Most messages fit into a buffer of the loop.
    private bool MakeRoom(ref ConnectionDirection direction, ref SctpMessage message)
    {
        if (direction.Buffer is null)
        {
            direction.Buffer = Loop.Buffers.Take();
            message.Capacity = BufferPool.BufferSize;
        }
        else if (direction.Held == message.Capacity)
        {
            if (message.Capacity == MaxMessage)
            {
                return false;
            }

            int capacity = 2 * message.Capacity;
            byte* larger = (byte*)NativeMemory.Alloc((nuint)capacity);
            NativeMemory.Copy(direction.Buffer, larger, (nuint)direction.Held);
            ReleaseStorage(ref direction, ref message);
            direction.Buffer = larger;
            message.Capacity = capacity;
        }

        return true;
    }

    private void ReleaseStorage(ref ConnectionDirection direction, ref SctpMessage message)
    {
        if (direction.Buffer is null)
        {
            return;
        }

        if (message.Capacity == BufferPool.BufferSize)
        {
            Loop.Buffers.Return(direction.Buffer);
        }
        else
        {
            NativeMemory.Free(direction.Buffer);
        }

        direction.Buffer = null;
    }

    /// <summary>The message that a direction holds a part or all of.</summary>
    private struct SctpMessage
    {
        internal SctpMessageInfo Info;

        /// <summary>Of the direction's buffer.</summary>
        internal int Capacity;

        /// <summary>It is here to its end, and waits to be sent.</summary>
        internal bool IsWhole;
    }
}
