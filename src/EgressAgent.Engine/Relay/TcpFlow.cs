using EgressAgent.Linux;
using EgressAgent.Linux.Epoll;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Relay;

/// <summary>
/// A relayed TCP connection: the client's socket, the destination's, and what is on its way between them. Ends are passed on
/// as they are: a FIN as a FIN when all before it is delivered, everything else (a RST, a timeout, an ICMP error) as a RST.
/// </summary>
/// <remarks>
/// The client's handshake is complete before the relay knows of the connection, so a destination that refuses or cannot be
/// reached shows to the client as a RST after the handshake, not as an answer to its SYN.
/// </remarks>
internal sealed partial class TcpFlow : TimedSource
{
    private const int ClientSide = 0;
    private const int ServerSide = 1;
    private const EpollEvents Watched = EpollEvents.In | EpollEvents.Out | EpollEvents.ReadHangUp | EpollEvents.EdgeTriggered;

    private readonly RelayShard _shard;
    private readonly SocketEndpoint _clientEndpoint;
    private readonly ushort _dialledPort;
    private readonly long _started;
    private readonly int _client;
    private readonly int _server;
    private SocketEndpoint _source;
    private TcpDirection _toServer;
    private TcpDirection _toClient;
    private RelayFlowState _state = RelayFlowState.Connecting;
    private bool _isBroken;
    private bool _isClosed;
    private bool _isWaitingForTurn;

    private TcpFlow(RelayShard shard, Route route, int client, in SocketEndpoint clientEndpoint, ushort dialledPort, int server)
        : base(route)
    {
        _shard = shard;
        _client = client;
        _clientEndpoint = clientEndpoint;
        _dialledPort = dialledPort;
        _server = server;
        _started = shard.Loop.Now;
        _toClient.IsWritable = true;
    }

    private RelayLoop Loop => _shard.Loop;

    /// <summary>Connects an accepted client to its destination. Both descriptors belong to the flow from here on.</summary>
    /// <param name="shard">Where the flow lives.</param>
    /// <param name="accepted">The client.</param>
    /// <param name="server">A fresh socket of the router's network namespace.</param>
    internal static void Start(RelayShard shard, in AcceptedClient accepted, int server)
    {
        Route route = accepted.Route;
        var flow = new TcpFlow(shard, route, accepted.Socket, accepted.Endpoint, accepted.DialledPort, server);
        shard.Loop.Register(flow);
        shard.Connecting.Touch(flow, shard.Loop.Now);
        Errno errno = flow.Connect();
        if (!errno.IsSuccess)
        {
            flow.Fail(errno);
        }
    }

    /// <summary>As <see cref="Start"/>, on another loop than that which accepted: a change of plan may have come between.</summary>
    internal static void StartHandedOver(RelayShard shard, in AcceptedClient accepted, int server)
    {
        RouteTable routes = shard.Datapath.Routes;
        SocketEndpoint dialled = accepted.Route.Key.Inside.WithPort(accepted.DialledPort);
        if (routes.Find(isUdp: false, dialled) == accepted.Route && routes.Admits(accepted.Endpoint))
        {
            Start(shard, accepted, server);
            return;
        }

        NativeSocket.Reset(accepted.Socket);
        NativeSocket.Close(server);
        shard.Loop.CountTcpFlow(-1);
        shard.Datapath.OnTcpFlowEnded();
    }

    internal override void OnEvents(EpollEvents events, int side)
    {
        ref TcpDirection from = ref side == ClientSide ? ref _toServer : ref _toClient;
        ref TcpDirection to = ref side == ClientSide ? ref _toClient : ref _toServer;
        if ((events & (EpollEvents.In | EpollEvents.ReadHangUp | EpollEvents.HangUp | EpollEvents.Error)) != 0)
        {
            from.IsReadable = true;
            from.IsEnding |= (events & (EpollEvents.ReadHangUp | EpollEvents.HangUp)) != 0;
        }

        if (_state == RelayFlowState.Connecting)
        {
            OnConnectingEvents(events, side);
            return;
        }

        to.IsWritable |= (events & EpollEvents.Out) != 0;
        Advance();

        // What had arrived before the error has been passed on by now as far as the other side takes it.
        if ((events & EpollEvents.Error) != 0 && !_isClosed)
        {
            Abort();
        }
    }

    /// <summary>Goes on after a turn given to others.</summary>
    internal void Resume()
    {
        _isWaitingForTurn = false;
        if (!_isClosed)
        {
            Advance();
        }
    }

    internal override void OnIdle()
    {
        if (_state == RelayFlowState.Connecting)
        {
            Fail(Errno.ETIMEDOUT);
        }
        else
        {
            Abort();
        }
    }

    internal override void Cut() => Abort();

    internal override bool LivesOn(RouteTable table)
    {
        Route? route = table.RouteOfLiving(Route, _clientEndpoint, _dialledPort, _source);
        Route = route ?? Route;
        return route is not null;
    }

    internal override RelayFlow Describe()
    {
        SocketEndpoint source = NativeSocket.LocalEndpoint(_server);
        return new RelayFlow(
            TransportProtocol.TCP,
            _clientEndpoint.ToIPEndPoint(),
            Route.Key.Inside.WithPort(_dialledPort).ToIPEndPoint(),
            source.ToIPEndPoint(),
            Route.DestinationOf(_dialledPort).ToIPEndPoint(),
            Route.Key.Rule,
            _state,
            _toServer.Bytes,
            _toClient.Bytes,
            Loop.ToUtc(_started));
    }

    private Errno Connect()
    {
        RelayOptions options = _shard.Datapath.Options;
        int keepAlive = Math.Max(1, (int)options.KeepAliveTime.TotalSeconds);
        _ = NativeSocket.SetNoDelay(_server);
        _ = NativeSocket.SetKeepAlive(_server, keepAlive, keepAlive);
        _ = NativeSocket.SetBindAddressNoPort(_server);
        SocketEndpoint destination = Route.DestinationOf(_dialledPort);
        _source = _shard.Datapath.Routes.SourceFor(destination);
        Errno errno = NativeSocket.Bind(_server, _source);
        if (errno.IsSuccess)
        {
            errno = NativeSocket.Connect(_server, destination);
        }

        if (!errno.IsSuccess && errno != Errno.EINPROGRESS)
        {
            return errno;
        }

        errno = Loop.Watch(this, ServerSide, _server, Watched);
        return errno.IsSuccess ? Loop.Watch(this, ClientSide, _client, Watched) : errno;
    }

    private void OnConnectingEvents(EpollEvents events, int side)
    {
        if (side == ClientSide)
        {
            // A client that sent its FIN with its request still waits for the answer; one that sent a RST does not.
            if ((events & EpollEvents.Error) != 0)
            {
                Abort();
            }

            return;
        }

        if ((events & (EpollEvents.Error | EpollEvents.HangUp)) != 0)
        {
            Errno errno = NativeSocket.TakeError(_server);
            Fail(errno.IsSuccess ? Errno.ECONNRESET : errno);
        }
        else if ((events & EpollEvents.Out) != 0)
        {
            _state = RelayFlowState.Established;
            _toServer.IsWritable = true;
            Advance();
        }
    }

    private void Fail(Errno errno)
    {
        ref RouteCounters counters = ref Route.CountersOf(Loop);
        switch (errno.Value)
        {
            case var value when value == Errno.ECONNREFUSED.Value || value == Errno.ECONNRESET.Value:
                counters.Refused++;
                break;
            case var value when value == Errno.ETIMEDOUT.Value:
                counters.TimedOut++;
                break;
            case var value when value == Errno.EADDRNOTAVAIL.Value || value == Errno.ENOMEM.Value || value == Errno.ENOBUFS.Value:
                counters.Exhausted++;
                break;
            default:
                counters.Unreachable++;
                break;
        }

        Abort();
    }

    private void Abort()
    {
        NativeSocket.Reset(_client);
        NativeSocket.Reset(_server);
        Release();
    }

    private void Close()
    {
        NativeSocket.Close(_client);
        NativeSocket.Close(_server);
        Release();
    }

    private void Release()
    {
        _isClosed = true;
        ReleaseStorage(ref _toServer);
        ReleaseStorage(ref _toClient);
        Queue?.Remove(this);
        Loop.Unregister(this);
        Loop.CountTcpFlow(-1);
        _shard.Datapath.OnTcpFlowEnded();
        _shard.ResumeAccepting();
    }
}
