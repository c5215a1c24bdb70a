using EgressAgent.Linux;
using EgressAgent.Linux.Sockets;

namespace EgressAgent.Engine.Relay;

/// <summary>A relayed TCP connection. Each direction has its own end: a FIN is passed on as a FIN, and the other goes on.</summary>
internal sealed unsafe class TcpConnection : RelayedConnection
{
    // How often a direction may read before it lets others have their turn.
    private const int ReadsPerTurn = 16;

    // What one splice may move: as much as a pipe of 256 pages holds when they are full.
    private const int SpliceLength = PipePool.PipeCapacity;

    // A splice that brings less than this is not worth its second system call: back to copying.
    private const int StreamThreshold = BufferPool.BufferSize / 2;

    // A segment of a peer that tells no size of its own (RFC 9293 section 3.7.1).
    private const int SmallestSegment = 536;

    private bool _isBroken;
    private bool _isServerPrompt;
    private bool _isServerKeptAlive;

    internal TcpConnection(RelayShard shard, in AcceptedClient accepted)
        : base(shard, accepted)
    {
    }

    /// <summary>Sets what both sockets of a connection have in the end. What a listener has, accepted sockets inherit.</summary>
    internal static Errno PrepareListener(int socket)
    {
        Errno errno = NativeSocket.SetNoDelay(socket);

        // An urgent byte is passed on as any other, in its place.
        errno = errno.IsSuccess ? NativeSocket.SetUrgentInline(socket) : errno;
        return errno.IsSuccess ? NativeSocket.SetKeepAlive(socket) : errno;
    }

    internal override void OnLasting()
    {
        if (!_isServerKeptAlive)
        {
            _isServerKeptAlive = true;
            _ = NativeSocket.SetKeepAlive(Server);
        }
    }

    // Those that go on, and those that send more than once, get the rest when it comes to that.
    private protected override void PrepareServer()
    {
        _ = NativeSocket.SetUrgentInline(Server);
        _ = NativeSocket.SetBindAddressNoPort(Server);
    }

    private protected override Progress Pump(ref ConnectionDirection toServer, ref ConnectionDirection toClient, ref bool isHalfClosed)
    {
        Progress client = Pump(ref toClient, toServer, Server, Client);

        // A send that failed has taken the client's error away, and reading then ends as if by a FIN: what the client had sent
        // before is still passed on, but no FIN.
        _isBroken = client == Progress.Broken;
        Progress server = Pump(ref toServer, toClient, Client, Server);
        isHalfClosed |= toClient.IsFinished || toServer.IsFinished;
        return (client, server) switch
        {
            (Progress.Broken, _) or (_, Progress.Broken) => Progress.Broken,
            _ when toClient.IsFinished && toServer.IsFinished => Progress.Finished,
            (Progress.TurnUsed, _) or (_, Progress.TurnUsed) => Progress.TurnUsed,
            _ => Progress.Waiting,
        };
    }

    private protected override void ReleaseStorage(ref ConnectionDirection toServer, ref ConnectionDirection toClient)
    {
        ReleaseStorage(ref toServer);
        ReleaseStorage(ref toClient);
    }

    // Moves what there is until the source has nothing more or the sink takes nothing more. Edge-triggered: nothing is said
    // again, so neither may be given up before it has said EAGAIN (or what amounts to it).
    private Progress Pump(ref ConnectionDirection direction, in ConnectionDirection opposite, int source, int sink)
    {
        int reads = 0;
        while (true)
        {
            if (direction.Held > 0)
            {
                if (!direction.IsWritable)
                {
                    return Progress.Waiting;
                }

                IoResult sent = Deliver(ref direction, sink);
                if (sent.IsError)
                {
                    if (!sent.WouldBlock)
                    {
                        return Progress.Broken;
                    }

                    direction.IsWritable = false;
                }

                continue;
            }

            if (direction.IsEnded)
            {
                ReleaseStorage(ref direction);
                if (_isBroken)
                {
                    return Progress.Broken;
                }

                if (!direction.IsFinished)
                {
                    direction.IsFinished = true;
                    if (opposite.IsFinished)
                    {
                        // To close both sends the last FIN as well.
                        return Progress.Waiting;
                    }

                    Errno errno = NativeSocket.ShutdownWrite(sink);
                    return errno.IsSuccess ? Progress.Waiting : Progress.Broken;
                }

                return Progress.Waiting;
            }

            if (!direction.IsReadable || !direction.IsWritable)
            {
                ReleaseStorage(ref direction);
                return Progress.Waiting;
            }

            if (reads++ == ReadsPerTurn)
            {
                return Progress.TurnUsed;
            }

            IoResult received = direction.IsStreaming && !direction.IsUrgent && TakePipe(ref direction)
                ? Splice(ref direction, source)
                : Copy(ref direction, source);
            if (received.IsError)
            {
                if (!received.WouldBlock)
                {
                    return Progress.Broken;
                }

                direction.IsReadable = false;
                direction.IsUrgent = false;
            }
            else if (received.Value == 0)
            {
                direction.IsEnded = true;
            }
        }
    }

    private IoResult Deliver(ref ConnectionDirection direction, int sink)
    {
        if (sink == Server && !_isServerPrompt)
        {
            SendPromptly(direction);
        }

        IoResult sent = direction.Pipe is { } pipe ? pipe.Empty(sink, direction.Held)
            : direction.IsEnded && !_isBroken ? NativeSocket.SendLast(sink, direction.Buffer + direction.BufferOffset, direction.Held)
            : NativeSocket.Send(sink, direction.Buffer + direction.BufferOffset, direction.Held);
        if (!sent.IsError)
        {
            direction.Held -= sent.Value;
            direction.BufferOffset += sent.Value;
            direction.Bytes += sent.Value;
        }

        return sent;
    }

    // TCP_NODELAY: what fills no segment is held back only while something else is unacknowledged (RFC 9293 section 3.7.4), which never is so
    // for what is sent first and is one segment.
    private void SendPromptly(in ConnectionDirection direction)
    {
        if (direction.Bytes > 0 || direction.Held > SmallestSegment)
        {
            _isServerPrompt = true;
            _ = NativeSocket.SetNoDelay(Server);
        }
    }

    private static IoResult Splice(ref ConnectionDirection direction, int source)
    {
        // The pipe is empty here, so EAGAIN can only come from the socket.
        IoResult received = direction.Pipe!.Fill(source, SpliceLength);
        if (!received.IsError)
        {
            direction.Held = received.Value;
            direction.IsStreaming = received.Value >= StreamThreshold;
        }

        return received;
    }

    private IoResult Copy(ref ConnectionDirection direction, int source)
    {
        ReleasePipe(ref direction);
        if (direction.Buffer is null)
        {
            direction.Buffer = Loop.Buffers.Take();
        }

        IoResult received = NativeSocket.Receive(source, direction.Buffer, BufferPool.BufferSize);
        if (!received.IsError)
        {
            direction.BufferOffset = 0;
            direction.Held = received.Value;
            bool isFull = received.Value == BufferPool.BufferSize;
            direction.IsStreaming = isFull;
            direction.IsEnded = direction.IsEndSeen && !isFull && !direction.IsUrgent;

            // epoll(7): a read that brought less than was asked for has emptied a stream socket. A FIN that comes later makes
            // an event of its own; one that is there already must be read.
            direction.IsReadable = isFull || direction.IsEnding || direction.IsUrgent;
        }

        return received;
    }

    private bool TakePipe(ref ConnectionDirection direction)
    {
        ReleaseBuffer(ref direction);
        direction.Pipe ??= Loop.Pipes.TryTake();
        return direction.Pipe is not null;
    }

    private void ReleaseStorage(ref ConnectionDirection direction)
    {
        ReleasePipe(ref direction);
        ReleaseBuffer(ref direction);
    }

    private void ReleasePipe(ref ConnectionDirection direction)
    {
        if (direction.Pipe is { } pipe)
        {
            Loop.Pipes.Return(pipe, isEmpty: direction.Held == 0);
            direction.Pipe = null;
        }
    }

    private void ReleaseBuffer(ref ConnectionDirection direction)
    {
        if (direction.Buffer is not null)
        {
            Loop.Buffers.Return(direction.Buffer);
            direction.Buffer = null;
        }
    }
}
