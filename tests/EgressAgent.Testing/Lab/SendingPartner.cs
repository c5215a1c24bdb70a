using System.Net;
using System.Net.Sockets;
using System.Text;

namespace EgressAgent.Testing.Lab;

/// <summary>A server that goes on sending to each client that has reached it, whether or not the client says more.</summary>
public sealed class SendingPartner : IDisposable
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(5);

    private readonly LabHost _host;
    private readonly IPEndPoint _local;
    private readonly ProtocolType _protocol;
    private readonly Socket _socket;
    private readonly List<Peer> _peers = [];

    public SendingPartner(LabHost host, string address, int port, ProtocolType protocol)
    {
        _host = host;
        _protocol = protocol;
        _local = new(IPAddress.Parse(address), port);
        _socket = Open(socket =>
        {
            if (protocol == ProtocolType.Tcp)
            {
                socket.Listen();
            }
        });
    }

    /// <summary>Connects a client, and returns when the server has begun to send to it.</summary>
    /// <param name="client">Where the client is.</param>
    /// <param name="address">What leads to this server.</param>
    /// <param name="port">The port there.</param>
    /// <param name="peer">The server's side.</param>
    public Socket Connect(LabHost client, string address, int port, out Peer peer)
    {
        SocketType type = _protocol == ProtocolType.Tcp ? SocketType.Stream : SocketType.Dgram;
        Socket socket = client.CreateSocket(_local.AddressFamily, type, _protocol, socket => socket.Connect(IPAddress.Parse(address), port));
        socket.ReceiveTimeout = 5000;
        socket.Send("hello"u8);
        peer = new Peer(Accept());
        _peers.Add(peer);
        socket.Receive(new byte[64]);
        return socket;
    }

    public void Dispose()
    {
        _peers.ForEach(peer => peer.Dispose());
        _socket.Dispose();
    }

    // A datagram socket that is connected takes the datagrams of its peer before the one that is not, and is told of refusals.
    private Socket Accept()
    {
        if (!_socket.Poll(TimeSpan.FromSeconds(5), SelectMode.SelectRead))
        {
            throw new SocketException((int)SocketError.TimedOut);
        }

        if (_protocol == ProtocolType.Tcp)
        {
            return _socket.Accept();
        }

        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        _socket.ReceiveFrom(new byte[64], ref from);
        return Open(socket => socket.Connect(from));
    }

    private Socket Open(Action<Socket> setUp) => _host.CreateSocket(
        _local.AddressFamily, _protocol == ProtocolType.Tcp ? SocketType.Stream : SocketType.Dgram, _protocol, socket =>
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            socket.Bind(_local);
            setUp(socket);
        });

    /// <summary>The server's side of one client.</summary>
    public sealed class Peer : IDisposable
    {
        private readonly Socket _socket;
        private readonly Thread _thread;
        private volatile bool _isStopping;
        private volatile bool _hasEnded;

        internal Peer(Socket socket)
        {
            _socket = socket;
            _thread = new Thread(Send) { Name = "sending-partner", IsBackground = true };
            _thread.Start();
        }

        /// <summary>Whether it was reset, refused or closed.</summary>
        public bool HasEnded => _hasEnded;

        /// <summary>Waits until the client's word <c>more</c> is here.</summary>
        public void WaitForMore()
        {
            byte[] buffer = new byte[64];
            Eventually.True("the client's word", () =>
                _socket.Poll(TimeSpan.FromMilliseconds(100), SelectMode.SelectRead)
                && Encoding.ASCII.GetString(buffer, 0, _socket.Receive(buffer)).EndsWith("more", StringComparison.Ordinal));
        }

        public void Dispose()
        {
            _isStopping = true;
            _thread.Join();
            _socket.Dispose();
        }

        private void Send()
        {
            while (!_isStopping && !_hasEnded)
            {
                _socket.Send("news"u8, SocketFlags.None, out SocketError error);
                _hasEnded = error is not (SocketError.Success or SocketError.WouldBlock);
                Thread.Sleep(Pace);
            }
        }
    }
}
