using EgressAgent.Linux;
using EgressAgent.Linux.Epoll;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Relay;

/// <summary>
/// A relayed connection: the client's socket, the destination's, and what is on its way between them. An orderly end is passed on
/// when all before it is delivered, everything else (a RST or ABORT, a timeout, an ICMP error) as a RST or ABORT.
/// </summary>
/// <remarks>
/// The client's handshake is complete before the relay knows of the connection, so a destination that refuses or cannot be
/// reached shows to the client as a RST after the handshake, not as an answer to its SYN.
/// </remarks>
internal abstract class RelayedConnection : TimedSource
{
    private const int ClientSide = 0;
    private const int ServerSide = 1;
    private const EpollEvents Watched = EpollEvents.In | EpollEvents.Priority | EpollEvents.Out | EpollEvents.ReadHangUp | EpollEvents.EdgeTriggered;

    private readonly RelayShard _shard;
    private readonly SocketEndpoint _clientEndpoint;
    private readonly ushort _dialledPort;
    private readonly DateTimeOffset _startedAt;
    private SocketEndpoint _source;
    private ushort _sourcePort;
    private ConnectionDirection _toServer;
    private ConnectionDirection _toClient;
    private RelayFlowState _state = RelayFlowState.Connecting;
    private bool _isClosed;
    private bool _isWaitingForTurn;

    private protected RelayedConnection(RelayShard shard, in AcceptedClient accepted)
        : base(accepted.Redirection)
    {
        _shard = shard;
        Client = accepted.Socket;
        _clientEndpoint = accepted.Endpoint;
        _dialledPort = accepted.DialledPort;
        Server = accepted.Server;
        Started = shard.Loop.Now;
        _startedAt = shard.Loop.ToUtc(Started);
        _toClient.IsWritable = true;
    }

    /// <summary>What a turn has come to.</summary>
    private protected enum Progress
    {
        /// <summary>Nothing to do until the next event.</summary>
        Waiting,

        /// <summary>There may be more to do, but it is others' turn.</summary>
        TurnUsed,

        /// <summary>One of the two connections is broken.</summary>
        Broken,

        /// <summary>Both have ended in order.</summary>
        Finished,
    }

    /// <summary>The loop's time when it was accepted.</summary>
    internal long Started { get; }

    internal override DialledFlow Dialled => new(Redirection.Key.Protocol, _clientEndpoint, Redirection.Key.Inside.WithPort(_dialledPort));

    private protected int Client { get; }

    private protected int Server { get; }

    private protected RelayLoop Loop => _shard.Loop;

    private protected RelayOptions Options => _shard.Relay.Options;

    /// <summary>Connects an accepted client to its destination. Both descriptors belong to the flow from here on.</summary>
    /// <param name="shard">Where the flow lives.</param>
    /// <param name="accepted">The client.</param>
    internal static void Start(RelayShard shard, in AcceptedClient accepted)
    {
        RelayedConnection flow = accepted.Redirection.Key.Protocol == TransportProtocol.SCTP
            ? new SctpConnection(shard, accepted)
            : new TcpConnection(shard, accepted);
        shard.Loop.Register(flow);
        shard.Connecting.Touch(flow, shard.Loop.Now);
        Errno errno = flow.Connect();
        if (!errno.IsSuccess)
        {
            flow.Fail(errno);
        }
    }

    /// <summary>As <see cref="Start"/>, on another loop than that which accepted: a change of plan may have come between.</summary>
    internal static void StartHandedOver(RelayShard shard, in AcceptedClient accepted)
    {
        RedirectionTable redirections = shard.Relay.Table;
        SocketEndpoint dialled = accepted.Redirection.Key.Inside.WithPort(accepted.DialledPort);
        if (redirections.Find(accepted.Redirection.Key.Protocol, dialled) == accepted.Redirection && redirections.Admits(accepted.Endpoint))
        {
            Start(shard, accepted);
            return;
        }

        NativeSocket.Reset(accepted.Socket);
        NativeSocket.Close(accepted.Server);
        shard.Loop.CountConnection(-1);
        shard.Relay.OnConnectionEnded();
    }

    internal override void OnEvents(EpollEvents events, int side)
    {
        ref ConnectionDirection from = ref side == ClientSide ? ref _toServer : ref _toClient;
        ref ConnectionDirection to = ref side == ClientSide ? ref _toClient : ref _toServer;
        if ((events & (EpollEvents.In | EpollEvents.Priority | EpollEvents.ReadHangUp | EpollEvents.HangUp | EpollEvents.Error)) != 0)
        {
            from.IsReadable = true;
            from.IsUrgent |= (events & EpollEvents.Priority) != 0;
            from.IsEnding |= (events & (EpollEvents.ReadHangUp | EpollEvents.HangUp)) != 0;
            from.IsEndSeen = (events & (EpollEvents.ReadHangUp | EpollEvents.HangUp | EpollEvents.Error)) == EpollEvents.ReadHangUp;
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

    internal override void Mark() => _ = NativeSocket.SetMark(Server, PacketMarks.OfRelay);

    internal override bool LivesOn(RedirectionTable table)
    {
        Redirection? redirection = table.FindForLiving(Redirection, _clientEndpoint, _dialledPort, _source);
        Redirection = redirection ?? Redirection;
        return redirection is not null;
    }

    internal override RelayFlow Describe()
    {
        // Once a connection is broken, the kernel need not know it any more.
        SocketEndpoint source = _sourcePort != 0 ? _source.WithPort(_sourcePort) : NativeSocket.LocalEndpoint(Server);
        return new RelayFlow(
            Redirection.Key.Protocol,
            _clientEndpoint.ToIPEndPoint(),
            Redirection.Key.Inside.WithPort(_dialledPort).ToIPEndPoint(),
            source.ToIPEndPoint(),
            Redirection.DestinationOf(_dialledPort).ToIPEndPoint(),
            Redirection.Key.Rule,
            _state,
            _toServer.Bytes,
            _toClient.Bytes,
            _startedAt);
    }

    internal override void NoteSource() => _sourcePort = NativeSocket.LocalEndpoint(Server).Port;

    /// <summary>Sets what the socket towards the destination needs before it connects.</summary>
    private protected abstract void PrepareServer();

    /// <summary>Moves what there is until neither side has more to give or take.</summary>
    /// <param name="toServer">From the client to the destination.</param>
    /// <param name="toClient">From the destination to the client.</param>
    /// <param name="isHalfClosed">Set when one of them has ended and the other has not.</param>
    private protected abstract Progress Pump(ref ConnectionDirection toServer, ref ConnectionDirection toClient, ref bool isHalfClosed);

    /// <summary>Gives back what the directions hold.</summary>
    private protected abstract void ReleaseStorage(ref ConnectionDirection toServer, ref ConnectionDirection toClient);

    private void Advance()
    {
        long bytesToClient = _toClient.Bytes;
        long bytesToServer = _toServer.Bytes;
        bool isHalfClosed = _state == RelayFlowState.HalfClosed;
        Progress progress = Pump(ref _toServer, ref _toClient, ref isHalfClosed);
        ref RedirectionCounters counters = ref Redirection.CountersOf(Loop);
        counters.BytesToClient += _toClient.Bytes - bytesToClient;
        counters.BytesToDestination += _toServer.Bytes - bytesToServer;
        if (progress == Progress.Broken)
        {
            Abort();
            return;
        }

        if (progress == Progress.Finished)
        {
            Close();
            return;
        }

        _state = isHalfClosed ? RelayFlowState.HalfClosed : _state;
        (isHalfClosed ? _shard.HalfClosed : _shard.Established).Touch(this, Loop.Now);
        if (progress == Progress.TurnUsed && !_isWaitingForTurn)
        {
            _isWaitingForTurn = true;
            Loop.Continue(this);
        }
    }

    private Errno Connect()
    {
        PrepareServer();
        SocketEndpoint destination = Redirection.DestinationOf(_dialledPort);
        _source = _shard.Relay.Table.SourceFor(destination);
        Errno bound = NativeSocket.Bind(Server, _source);
        Errno errno = bound.IsSuccess ? NativeSocket.Connect(Server, destination) : bound;
        if (errno.IsSuccess || errno == Errno.EINPROGRESS)
        {
            errno = Loop.Watch(this, ServerSide, Server, Watched);
            errno = errno.IsSuccess ? Loop.Watch(this, ClientSide, Client, Watched) : errno;
        }

        if (_shard.Relay.Records is { Mode: not FlowLogMode.None } records)
        {
            NoteSource();
            records.Begin(this);
        }

        if (!errno.IsSuccess)
        {
            _shard.Relay.NoteFailure(bound, errno, _source, destination, Redirection.Key.Protocol);
        }

        return errno;
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
            Errno errno = NativeSocket.TakeError(Server);
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
        ref RedirectionCounters counters = ref Redirection.CountersOf(Loop);
        switch (errno.Value)
        {
            case var value when value == Errno.ECONNREFUSED.Value || value == Errno.ECONNRESET.Value:
                counters.Refused++;
                break;
            case var value when value == Errno.ETIMEDOUT.Value:
                counters.TimedOut++;
                break;
            case var value when value == Errno.EADDRINUSE.Value || value == Errno.EADDRNOTAVAIL.Value || RelayShortfalls.IsLimit(errno):
                break;
            default:
                counters.Unreachable++;
                break;
        }

        Abort();
    }

    private void Abort()
    {
        Record();
        NativeSocket.Reset(Client);
        NativeSocket.Reset(Server);
        Release();
    }

    private void Close()
    {
        Record();
        NativeSocket.Close(Client);
        NativeSocket.Close(Server);
        Release();
    }

    private void Record() => _shard.Relay.Records?.End(this, Loop);

    private void Release()
    {
        _isClosed = true;
        ReleaseStorage(ref _toServer, ref _toClient);
        Queue?.Remove(this);
        Loop.Unregister(this);
        Loop.CountConnection(-1);
        _shard.Relay.OnConnectionEnded();
        _shard.ResumeAccepting();
    }
}
