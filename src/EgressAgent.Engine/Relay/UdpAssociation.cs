using EgressAgent.Linux;
using EgressAgent.Linux.Epoll;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Relay;

/// <summary>A client's dealings with one port: a connected socket towards the destination, whose answers go back to the client.</summary>
internal sealed class UdpAssociation : TimedSource
{
    private readonly UdpPort _port;
    private readonly int _server;
    private readonly SocketEndpoint _source;
    private readonly DateTimeOffset _startedAt;
    private int _limitToServer;
    private int _limitToClient;
    private long _bytesToServer;
    private long _bytesToClient;

    private UdpAssociation(UdpPort port, Redirection redirection, SocketEndpoint client, int server, SocketEndpoint source)
        : base(redirection)
    {
        _port = port;
        _server = server;
        _source = source;
        _startedAt = Loop.ToUtc(Loop.Now);
        Client = client;
        _limitToClient = port.IsCoalescing ? DatagramBatch.JoinAll : DatagramBatch.JoinNone;
        _limitToServer = _limitToClient;
    }

    internal SocketEndpoint Client { get; }

    internal override DialledFlow Dialled => new(TransportProtocol.UDP, Client, _port.Local);

    private RelayLoop Loop => _port.Shard.Loop;

    /// <returns>Null when there is no descriptor or port, or the source address is not there.</returns>
    internal static UdpAssociation? TryOpen(UdpPort port, Redirection redirection, SocketEndpoint client)
    {
        SocketEndpoint destination = redirection.DestinationOf(port.Local.Port);
        SocketStock stock = port.Shard.StockOf(TransportProtocol.UDP, destination);
        Errno errno = stock.Ensure(1);
        if (!errno.IsSuccess)
        {
            port.Shard.Relay.NoteRefusal(errno);
            return null;
        }

        int server = stock.Take();
        SocketEndpoint source = port.Shard.Relay.Table.SourceFor(destination);
        var association = new UdpAssociation(port, redirection, client, server, source);
        association.Loop.Register(association);
        if (port.IsCoalescing)
        {
            _ = NativeSocket.SetReceiveCoalesced(server);
        }

        errno = NativeSocket.SetKeepErrors(server, destination);
        Errno bound = errno.IsSuccess ? NativeSocket.Bind(server, source) : errno;
        errno = bound.IsSuccess ? NativeSocket.Connect(server, destination) : bound;
        errno = errno.IsSuccess ? association.Loop.Watch(association, 0, server, EpollEvents.In) : errno;
        if (!errno.IsSuccess)
        {
            association.Loop.Unregister(association);
            NativeSocket.Close(server);
            port.Shard.Relay.NoteFailure(bound, errno, source, destination, TransportProtocol.UDP);
            return null;
        }

        port.Shard.Associations.Touch(association, association.Loop.Now);
        port.Shard.Relay.Records?.Begin(association);
        return association;
    }

    internal void ToServer(DatagramBatch batch, int first, int count)
    {
        _port.Shard.Associations.Touch(this, Loop.Now);
        var range = new DatagramRange(first, count);
        while (!range.IsEmpty)
        {
            IoResult sent = batch.Forward(_server, ref range, ref _limitToServer);
            if (sent.IsError)
            {
                // An ICMP error about an earlier datagram is told by the next call, which then has sent nothing. What the
                // socket does not take otherwise is lost, as UDP's datagrams may be.
                if (!IsForWantOfRoom(sent) && PassErrorsBack())
                {
                    sent = batch.Forward(_server, ref range, ref _limitToServer);
                }

                if (sent.IsError)
                {
                    NoteUnsent(sent, batch, range);
                    return;
                }
            }

            _bytesToServer += sent.Value;
            Redirection.CountersOf(Loop).BytesToDestination += sent.Value;
        }
    }

    internal override void OnEvents(EpollEvents events, int side)
    {
        if ((events & EpollEvents.Error) != 0)
        {
            PassErrorsBack();
        }

        DatagramBatch batch = Loop.Datagrams;
        IoResult received = batch.Receive(_server);
        if (received.IsError)
        {
            return;
        }

        _port.Shard.Associations.Touch(this, Loop.Now);
        var range = new DatagramRange(0, received.Value);
        while (!range.IsEmpty)
        {
            IoResult sent = batch.Forward(_port.Socket, ref range, ref _limitToClient, Client);
            if (sent.Errno == Errno.EPERM)
            {
                // The ruleset lets answers out alone: connection tracking knows of no question any more.
                Cut();
                return;
            }

            if (sent.IsError)
            {
                NoteUnsent(sent, batch, range);
                return;
            }

            _bytesToClient += sent.Value;
            Redirection.CountersOf(Loop).BytesToClient += sent.Value;
        }
    }

    internal override void OnIdle() => Cut();

    internal override void Cut()
    {
        _port.Shard.Relay.Records?.End(this, Loop);
        NativeSocket.Close(_server);
        Queue?.Remove(this);
        Loop.Unregister(this);
        _port.Shard.Relay.OnAssociationEnded();
        _port.Remove(this);
    }

    internal override void Mark() => _ = NativeSocket.SetMark(_server, PacketMarks.OfRelay);

    internal override bool LivesOn(RedirectionTable table)
    {
        Redirection? redirection = table.FindForLiving(Redirection, Client, _port.Local.Port, _source);
        Redirection = redirection ?? Redirection;
        return redirection is not null;
    }

    internal override RelayFlow Describe() => new(
        TransportProtocol.UDP,
        Client.ToIPEndPoint(),
        _port.Local.ToIPEndPoint(),
        NativeSocket.LocalEndpoint(_server).ToIPEndPoint(),
        Redirection.DestinationOf(_port.Local.Port).ToIPEndPoint(),
        Redirection.Key.Rule,
        RelayFlowState.Established,
        _bytesToServer,
        _bytesToClient,
        _startedAt);

    // The socket's buffer or the link's queue is full.
    private static bool IsForWantOfRoom(IoResult sent) => sent.WouldBlock || sent.IsExhausted;

    private void NoteUnsent(IoResult sent, DatagramBatch batch, DatagramRange rest)
    {
        if (IsForWantOfRoom(sent))
        {
            _port.Shard.Relay.Saturation.NoteUnsent(batch.Count(rest));
        }
    }

    private bool PassErrorsBack()
    {
        bool any = false;
        while (NativeSocket.TryTakeIcmpError(_server, out IcmpError? error))
        {
            any = true;
            if (error is { } icmp)
            {
                Redirection.CountersOf(Loop).Unreachable++;
                _port.Shard.IcmpFrom(Redirection.Key.Inside)?.Send(Client, _port.Local, icmp);
            }
        }

        // The error itself stays pending besides its description.
        any |= !NativeSocket.TakeError(_server).IsSuccess;
        return any;
    }
}
