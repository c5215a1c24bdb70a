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

    private readonly SocketStock _stock;
    private int _batch = 1;
    private int _fullRounds;
    private long _lastTurn;
    private bool _isWaiting;

    internal Acceptor(RelayShard shard, Listener listener)
    {
        Shard = shard;
        Listener = listener;
        _stock = shard.StockOf(listener.Protocol, listener.Local);
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
        bool isFull = false;
        while (attempts < _batch && !isFull && !isEmpty)
        {
            attempts++;
            if (!Shard.Relay.TryReserveConnection())
            {
                isFull = true;
                NoteFull(Errno.Success, attempts);
                break;
            }

            IoResult result = TryAccept(out SocketEndpoint peer, out isFull);
            if (!result.IsError && Admit(result.Value, peer) is { } client)
            {
                accepted[count++] = client;
                continue;
            }

            // Other errors than these two kinds belong to one connection that has gone by already, accept(2).
            Shard.Relay.OnConnectionEnded();
            isEmpty = result.WouldBlock;
            if (isFull)
            {
                NoteFull(result.Errno, attempts);
            }
        }

        FollowQueue(isEmpty, attempts);
        foreach (ref readonly AcceptedClient client in accepted.AsSpan(0, count))
        {
            Start(client);
        }

        if (isFull)
        {
            Wait();
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

    // Nobody is accepted for whom there is no descriptor, or no socket towards the destination: who has to wait does so in the listener's
    // queue. The second socket is the one that gives way.
    private IoResult TryAccept(out SocketEndpoint peer, out bool isFull)
    {
        peer = default;
        Errno errno = _stock.Ensure(2);
        IoResult result = errno.IsSuccess ? _stock.Accept(Listener.Descriptor, out peer) : IoResult.Failure(errno);
        isFull = !errno.IsSuccess || result.IsExhausted;
        return result;
    }

    // Only the first attempt of a round is known to be for a client.
    private void NoteFull(Errno errno, int attempts)
    {
        if (attempts == 1)
        {
            Shard.Relay.Saturate(errno);
        }
    }

    private AcceptedClient? Admit(int client, in SocketEndpoint peer)
    {
        SocketEndpoint local = NativeSocket.LocalEndpoint(client);
        RedirectionTable table = Shard.Relay.Table;
        if (table.Find(Listener.Protocol, local) is { } redirection && table.Admits(peer))
        {
            redirection.CountersOf(Shard.Loop).Connections++;
            return new AcceptedClient(client, peer, local.Port, redirection, _stock.Take());
        }

        NativeSocket.Reset(client);
        return null;
    }

    // The kernel wakes the loop that went to sleep last, so without this one loop could get all the long connections.
    private void Start(AcceptedClient client)
    {
        RelayShard target = Shard.Relay.LeastLoaded(Shard);
        target.Loop.CountConnection(1);
        if (target == Shard)
        {
            RelayedConnection.Start(Shard, client);
        }
        else
        {
            target.Loop.Post(() => RelayedConnection.StartHandedOver(target, client));
        }
    }

    private void Wait()
    {
        _isWaiting = true;
        Shard.Loop.StopWatching(Listener.Descriptor);
        Shard.WaitForRoom(this);
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
/// <param name="Server">A fresh socket of the router's network namespace, for the way there.</param>
internal readonly record struct AcceptedClient(int Socket, SocketEndpoint Endpoint, ushort DialledPort, Redirection Redirection, int Server);
