using EgressAgent.Linux;
using EgressAgent.Linux.Epoll;
using EgressAgent.Linux.Sockets;

namespace EgressAgent.Engine.Relay;

/// <summary>One loop's watch on a <see cref="Listener"/>.</summary>
internal sealed class Acceptor : LoopSource
{
    internal const int MaxBatch = 64;

    // So many rounds in a row that left something in the queue ask for larger ones.
    private const int RoundsToGrow = 4;

    private int _batch = 1;
    private int _fullRounds;
    private long _lastTurn;
    private bool _isWaiting;

    internal Acceptor(RelayShard shard, Listener listener)
    {
        Shard = shard;
        Listener = listener;
        shard.Loop.Register(this);
        Watch();
    }

    internal RelayShard Shard { get; }

    internal Listener Listener { get; }

    // Level-triggered: what is left in the queue is reported again. An accept that finds the queue empty is not cheap (it has
    // made a socket by then), so there are as many attempts as the last round that emptied the queue found, until the loop's next turns
    // tell again and again that these are too few.
    internal override void OnEvents(EpollEvents events, int side)
    {
        AcceptedClient[] accepted = Shard.Loop.Accepted;
        int count = 0;
        int attempts = 0;
        bool isEmpty = false;
        while (attempts < _batch && !_isWaiting && !isEmpty)
        {
            attempts++;
            if (!Shard.Relay.TryReserveConnection())
            {
                Wait(Errno.Success, attempts);
                break;
            }

            IoResult result = NativeSocket.Accept(Listener.Descriptor, out SocketEndpoint peer);
            if (!result.IsError && Admit(result.Value, peer) is { } client)
            {
                accepted[count++] = client;
                continue;
            }

            Shard.Relay.OnConnectionEnded();
            if (result.IsError)
            {
                // Other errors than these two kinds belong to one connection that has gone by already, accept(2).
                isEmpty = result.WouldBlock;
                if (result.IsExhausted)
                {
                    Wait(result.Errno, attempts);
                }
            }
        }

        FollowQueue(isEmpty, attempts);
        if (count > 0)
        {
            Connect(accepted.AsSpan(0, count));
        }
    }

    internal void Resume()
    {
        _isWaiting = false;
        Watch();
    }

    internal void Stop()
    {
        if (_isWaiting)
        {
            Shard.StopWaiting(this);
        }
        else
        {
            Shard.Loop.StopWatching(Listener.Descriptor);
        }

        Shard.Loop.Unregister(this);
    }

    private void FollowQueue(bool isEmpty, int attempts)
    {
        bool isAgain = Shard.Loop.Turn == _lastTurn + 1;
        _lastTurn = Shard.Loop.Turn;
        _fullRounds = isEmpty ? 0 : isAgain ? _fullRounds + 1 : 1;
        if (isEmpty)
        {
            _batch = Math.Max(1, attempts - 1);
        }
        else if (_fullRounds > RoundsToGrow)
        {
            _fullRounds = 0;
            _batch = Math.Min(MaxBatch, _batch * 2);
        }
    }

    private AcceptedClient? Admit(int client, in SocketEndpoint peer)
    {
        SocketEndpoint local = NativeSocket.LocalEndpoint(client);
        RedirectionTable table = Shard.Relay.Table;
        if (table.Find(Listener.Protocol, local) is { } redirection && table.Admits(peer))
        {
            redirection.CountersOf(Shard.Loop).Connections++;
            return new AcceptedClient(client, peer, local.Port, redirection);
        }

        NativeSocket.Reset(client);
        return null;
    }

    private void Connect(ReadOnlySpan<AcceptedClient> clients)
    {
        for (int index = 0; index < clients.Length; index++)
        {
            // All are of the listener's family.
            IoResult opened = Shard.TakeSocket(Listener.Protocol, clients[index].Redirection.Key.Destination, clients.Length - index);
            if (!opened.IsError)
            {
                Start(clients[index], opened.Value);
                continue;
            }

            NativeSocket.Reset(clients[index].Socket);
            Shard.Relay.OnConnectionEnded();
            Shard.Relay.NoteRefusal(opened.Errno);
            Wait();
        }
    }

    // The kernel wakes the loop that went to sleep last, so without this one loop could get all the long connections.
    private void Start(AcceptedClient client, int server)
    {
        RelayShard target = Shard.Relay.LeastLoaded(Shard);
        target.Loop.CountConnection(1);
        if (target == Shard)
        {
            RelayedConnection.Start(Shard, client, server);
        }
        else
        {
            target.Loop.Post(() => RelayedConnection.StartHandedOver(target, client, server));
        }
    }

    // Only the first attempt of a round is known to be for a client.
    private void Wait(Errno errno, int attempts)
    {
        if (attempts == 1)
        {
            Shard.Relay.Saturate(errno);
        }

        Wait();
    }

    private void Wait()
    {
        if (!_isWaiting)
        {
            _isWaiting = true;
            Shard.Loop.StopWatching(Listener.Descriptor);
            Shard.WaitForRoom(this);
        }
    }

    private void Watch()
    {
        Errno errno = Shard.Loop.Watch(this, 0, Listener.Descriptor, EpollEvents.In | EpollEvents.Exclusive);
        if (!errno.IsSuccess)
        {
            // No memory, or no room under fs.epoll.max_user_watches.
            Shard.Relay.Saturate(errno);
            _isWaiting = true;
            Shard.WaitForRoom(this);
        }
    }
}

/// <summary>A client that has been accepted and is about to get its connection to the destination.</summary>
/// <param name="Socket">Its descriptor.</param>
/// <param name="Endpoint">Its end.</param>
/// <param name="DialledPort">The port that it connected to.</param>
/// <param name="Redirection">Where it goes.</param>
internal readonly record struct AcceptedClient(int Socket, SocketEndpoint Endpoint, ushort DialledPort, Redirection Redirection);
