using System.Net;
using EgressAgent.Linux;
using EgressAgent.Linux.Epoll;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Sockets;
using Xunit;

namespace EgressAgent.Testing.Lab;

/// <summary>
/// An SCTP socket, one-to-one style: .NET's own knows neither streams nor message boundaries. Calls give up after 45 seconds.
/// </summary>
public sealed unsafe class SctpSocket : IDisposable
{
    private const int Timeout = 45_000;
    private const int LongestMessage = 1 << 21;

    private readonly int _socket;
    private readonly EpollHandle _epoll = EpollHandle.Create();
    private readonly EpollEventBuffer _events = new(1);
    private bool _isClosed;
    private volatile bool _isBlocked;

    private SctpSocket(IoResult opened)
    {
        Assert.True(!opened.IsError, $"no SCTP socket: {opened.Errno.Message}");
        _socket = opened.Value;
        Check("watch", _epoll.Add(_socket, EpollEvents.In | EpollEvents.Out | EpollEvents.ReadHangUp | EpollEvents.EdgeTriggered, 0));
        Check("ask for the messages' streams", NativeSocket.SetReceiveMessageInfo(_socket));
    }

    /// <summary>The socket's own end.</summary>
    public IPEndPoint Local => NativeSocket.LocalEndpoint(_socket).ToIPEndPoint();

    /// <summary>The peer's end, of a socket that <see cref="Accept"/> made.</summary>
    public IPEndPoint? Remote { get; private init; }

    /// <summary>The association's streams, out and in.</summary>
    public (ushort Outbound, ushort Inbound) Streams
    {
        get
        {
            Check("read the streams", NativeSocket.GetSctpStreams(_socket, out ushort outbound, out ushort inbound));
            return (outbound, inbound);
        }
    }

    /// <summary>Whether a <see cref="Send"/> waits at this moment.</summary>
    public bool IsBlocked => _isBlocked;

    public static SctpSocket Listen(NetworkNamespace where, IPEndPoint local, ushort streams = 16)
    {
        SctpSocket socket = Open(where, local, streams);
        var endpoint = new SocketEndpoint(local.Address, (ushort)local.Port);
        Check("bind", NativeSocket.Bind(socket._socket, endpoint));
        Check("listen", NativeSocket.Listen(socket._socket, 64));
        return socket;
    }

    /// <exception cref="LinuxException">The peer refuses, or cannot be reached.</exception>
    public static SctpSocket Connect(NetworkNamespace where, IPEndPoint remote, ushort streams = 16)
    {
        SctpSocket socket = Open(where, remote, streams);
        try
        {
            Errno errno = NativeSocket.Connect(socket._socket, new SocketEndpoint(remote.Address, (ushort)remote.Port));
            Assert.True(errno.IsSuccess || errno == Errno.EINPROGRESS, errno.Message);
            while ((socket.Wait() & (EpollEvents.Out | EpollEvents.Error)) == 0)
            {
            }

            errno = NativeSocket.TakeError(socket._socket);
            return errno.IsSuccess ? socket : throw new LinuxException("connect to", remote.ToString(), errno);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public SctpSocket Accept()
    {
        while (true)
        {
            IoResult accepted = NativeSocket.Accept(_socket, out SocketEndpoint peer);
            if (!accepted.WouldBlock)
            {
                return new SctpSocket(accepted) { Remote = peer.ToIPEndPoint() };
            }

            Wait();
        }
    }

    public void Send(byte[] message, SctpMessageInfo info = default)
    {
        fixed (byte* buffer = message)
        {
            IoResult sent;
            while ((sent = NativeSocket.SendMessage(_socket, buffer, message.Length, info)).IsError)
            {
                if (sent.WouldBlock)
                {
                    _isBlocked = true;
                    Wait();
                    _isBlocked = false;
                }
                else if (sent.Errno == Errno.EMSGSIZE)
                {
                    Check("let a long message be sent", NativeSocket.ForceSendBuffer(_socket, message.Length));
                }
                else
                {
                    Check("send", sent.Errno);
                }
            }
        }
    }

    /// <summary>The next message, whole; null when the peer has shut down.</summary>
    /// <exception cref="LinuxException">The association was aborted.</exception>
    public (byte[] Message, SctpMessageInfo Info)? Receive()
    {
        byte[] message = new byte[LongestMessage];
        int length = 0;
        fixed (byte* buffer = message)
        {
            while (true)
            {
                IoResult received = NativeSocket.ReceiveMessage(
                    _socket, buffer + length, message.Length - length, out SctpMessageInfo info, out bool isEnd);
                if (received.WouldBlock)
                {
                    Wait();
                    continue;
                }

                Check("receive", received.Errno);
                length += received.Value;
                if (isEnd)
                {
                    return (message[..length], info);
                }

                if (received.Value == 0)
                {
                    Assert.Equal(0, length);
                    return null;
                }
            }
        }
    }

    /// <summary>Ends the association when all is delivered.</summary>
    public void Shutdown() => Check("shut down", NativeSocket.ShutdownWrite(_socket));

    /// <summary>Ends the association at once, with an ABORT.</summary>
    public void Abort()
    {
        _isClosed = true;
        NativeSocket.Reset(_socket);
    }

    public void Dispose()
    {
        if (!_isClosed)
        {
            _isClosed = true;
            NativeSocket.Close(_socket);
        }

        _epoll.Dispose();
        _events.Dispose();
    }

    private static SctpSocket Open(NetworkNamespace where, IPEndPoint family, ushort streams)
    {
        var socket = new SctpSocket(where.Run(() => NativeSocket.OpenSctp(new SocketEndpoint(family.Address, 0))));
        Check("ask for streams", NativeSocket.SetSctpStreams(socket._socket, streams, streams));
        return socket;
    }

    private static void Check(string operation, Errno errno)
    {
        if (!errno.IsSuccess)
        {
            throw new LinuxException(operation, "SCTP", errno);
        }
    }

    private EpollEvents Wait()
    {
        Assert.Equal(1, _epoll.Wait(_events, Timeout));
        return _events.Events(0);
    }
}
