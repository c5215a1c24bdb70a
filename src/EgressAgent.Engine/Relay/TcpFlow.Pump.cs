using EgressAgent.Linux;
using EgressAgent.Linux.Sockets;

namespace EgressAgent.Engine.Relay;

internal sealed unsafe partial class TcpFlow
{
    // How often a direction may read before it lets others have their turn.
    private const int ReadsPerTurn = 16;

    // What one splice may move: as much as a pipe of 256 pages holds when they are full.
    private const int SpliceLength = PipePool.PipeCapacity;

    // A splice that brings less than this is not worth its second system call: back to copying.
    private const int StreamThreshold = BufferPool.BufferSize / 2;

    private enum Progress
    {
        /// <summary>Nothing to do until the next event.</summary>
        Waiting,

        /// <summary>There may be more to do, but it is others' turn.</summary>
        TurnUsed,

        /// <summary>One of the two connections is broken.</summary>
        Broken,
    }

    private void Advance()
    {
        long bytesToClient = _toClient.Bytes;
        long bytesToServer = _toServer.Bytes;
        Progress toClient = Pump(ref _toClient, _server, _client);

        // A send that failed has taken the client's error away, and reading then ends as if by a FIN: what the client had sent
        // before is still passed on, but no FIN.
        _isBroken = toClient == Progress.Broken;
        Progress toServer = Pump(ref _toServer, _client, _server);
        ref RouteCounters counters = ref Route.CountersOf(Loop);
        counters.BytesToClient += _toClient.Bytes - bytesToClient;
        counters.BytesToDestination += _toServer.Bytes - bytesToServer;
        if (toClient == Progress.Broken || toServer == Progress.Broken)
        {
            Abort();
            return;
        }

        if (_toClient.IsFinished && _toServer.IsFinished)
        {
            Close();
            return;
        }

        if (_toClient.IsFinished || _toServer.IsFinished)
        {
            _state = RelayFlowState.HalfClosed;
        }

        (_state == RelayFlowState.HalfClosed ? _shard.HalfClosed : _shard.Established).Touch(this, Loop.Now);
        if ((toClient == Progress.TurnUsed || toServer == Progress.TurnUsed) && !_isWaitingForTurn)
        {
            _isWaitingForTurn = true;
            Loop.Continue(this);
        }
    }

    // Moves what there is until the source has nothing more or the sink takes nothing more. Edge-triggered: nothing is said
    // again, so neither may be given up before it has said EAGAIN (or what amounts to it).
    private Progress Pump(ref TcpDirection direction, int source, int sink)
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

            IoResult received = direction.IsStreaming && TakePipe(ref direction)
                ? Splice(ref direction, source)
                : Copy(ref direction, source);
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
        }
    }

    private static IoResult Deliver(ref TcpDirection direction, int sink)
    {
        IoResult sent = direction.Pipe is { } pipe
            ? pipe.Empty(sink, direction.Held)
            : NativeSocket.Send(sink, direction.Buffer + direction.BufferOffset, direction.Held);
        if (!sent.IsError)
        {
            direction.Held -= sent.Value;
            direction.BufferOffset += sent.Value;
            direction.Bytes += sent.Value;
        }

        return sent;
    }

    private static IoResult Splice(ref TcpDirection direction, int source)
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

    private IoResult Copy(ref TcpDirection direction, int source)
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

            // epoll(7): a read that brought less than was asked for has emptied a stream socket. A FIN that comes later makes
            // an event of its own; one that is there already must be read.
            direction.IsReadable = isFull || direction.IsEnding;
        }

        return received;
    }

    private bool TakePipe(ref TcpDirection direction)
    {
        ReleaseBuffer(ref direction);
        direction.Pipe ??= Loop.Pipes.TryTake();
        return direction.Pipe is not null;
    }

    private void ReleaseStorage(ref TcpDirection direction)
    {
        ReleasePipe(ref direction);
        ReleaseBuffer(ref direction);
    }

    private void ReleasePipe(ref TcpDirection direction)
    {
        if (direction.Pipe is { } pipe)
        {
            Loop.Pipes.Return(pipe, isEmpty: direction.Held == 0);
            direction.Pipe = null;
        }
    }

    private void ReleaseBuffer(ref TcpDirection direction)
    {
        if (direction.Buffer is not null)
        {
            Loop.Buffers.Return(direction.Buffer);
            direction.Buffer = null;
        }
    }
}
