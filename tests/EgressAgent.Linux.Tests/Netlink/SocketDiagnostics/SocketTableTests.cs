using System.Net;
using System.Net.Sockets;
using EgressAgent.Linux.Cgroups;
using EgressAgent.Linux.Netlink.SocketDiagnostics;
using EgressAgent.Linux.Tests.Support;

namespace EgressAgent.Linux.Tests.Netlink.SocketDiagnostics;

public sealed class SocketTableTests : IDisposable
{
    private const byte Tcp = 6;
    private const byte Udp = 17;

    private readonly ScratchNetns _netns = ScratchNetns.Create();
    private readonly SocketTable _sockets;

    // The runtime's thread for sockets is made by whichever thread makes the first, and inherits its network namespace.
    static SocketTableTests() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp).Dispose();

    public SocketTableTests()
    {
        _netns.Up("lo");
        _sockets = SocketTable.Open(_netns.Namespace);
    }

    public void Dispose()
    {
        _sockets.Dispose();
        _netns.Dispose();
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void Connection_is_found_by_both_its_ends_with_the_group_that_made_it(string address)
    {
        using Socket listener = Listen(address);
        using Socket client = Connect(listener.LocalEndPoint!);

        AssertOwn(_sockets.Find(Tcp, Local(client), Remote(client)));
    }

    [Fact]
    public void Who_listens_at_a_port_is_not_taken_for_a_connection_from_it()
    {
        using Socket listener = Listen("127.0.0.1");

        Assert.Null(_sockets.Find(Tcp, Local(listener), IPEndPoint.Parse("127.0.0.1:1")));
    }

    [Fact]
    public void Connection_that_no_process_has_any_more_is_not_found()
    {
        using Socket listener = Listen("127.0.0.1");
        Socket client = Connect(listener.LocalEndPoint!);
        (IPEndPoint local, IPEndPoint remote) = (Local(client), Remote(client));
        using (listener.Accept())
        {
            client.Dispose();
        }

        Assert.Null(_sockets.Find(Tcp, local, remote));
    }

    [Theory]
    [InlineData("0.0.0.0", "127.0.0.1:53", true)]
    [InlineData("0.0.0.0", "127.0.0.1:53", false)]
    [InlineData("::", "[::1]:53", true)]
    [InlineData("::", "127.0.0.1:53", false)]
    public void Udp_socket_is_found_by_where_it_sends_whether_it_is_connected_or_not(string bound, string remote, bool isConnected)
    {
        var target = IPEndPoint.Parse(remote);
        using Socket client = Open(IPAddress.Parse(bound).AddressFamily, SocketType.Dgram, ProtocolType.Udp, socket =>
        {
            if (socket.AddressFamily == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = true;
            }

            socket.Bind(new IPEndPoint(IPAddress.Parse(bound), 0));
            if (isConnected)
            {
                socket.Connect(target);
            }
        });
        var local = new IPEndPoint(target.Address, Local(client).Port);

        AssertOwn(_sockets.Find(Udp, local, target));
        Assert.Null(_sockets.Find(Udp, new IPEndPoint(local.Address, 1), target));
        Assert.Equal(!isConnected, _sockets.Find(Udp, local, new IPEndPoint(target.Address, 54)) is not null);
    }

    [Fact]
    public void Sockets_of_another_namespace_are_not_found()
    {
        using Socket elsewhere = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        elsewhere.Bind(new IPEndPoint(IPAddress.Loopback, 0));

        Assert.Null(_sockets.Find(Udp, Local(elsewhere), IPEndPoint.Parse("127.0.0.1:53")));
    }

    private static void AssertOwn(InetSocket? socket)
    {
        CgroupTree tree = CgroupTree.TryFind()!;
        tree.Walk();
        string own = File.ReadAllLines("/proc/self/cgroup").Single(line => line.StartsWith("0::", StringComparison.Ordinal));
        Assert.NotNull(socket);
        Assert.Equal(own, $"0::{tree.Find(socket.Cgroup)}");
    }

    private Socket Listen(string address) => Open(IPAddress.Parse(address).AddressFamily, SocketType.Stream, ProtocolType.Tcp, socket =>
    {
        socket.Bind(new IPEndPoint(IPAddress.Parse(address), 0));
        socket.Listen();
    });

    private Socket Connect(EndPoint remote) => Open(remote.AddressFamily, SocketType.Stream, ProtocolType.Tcp, socket => socket.Connect(remote));

    private Socket Open(AddressFamily family, SocketType type, ProtocolType protocol, Action<Socket> setUp)
    {
        Socket socket = _netns.Namespace.Run(() => new Socket(family, type, protocol));
        setUp(socket);
        return socket;
    }

    private static IPEndPoint Local(Socket socket) => (IPEndPoint)socket.LocalEndPoint!;

    private static IPEndPoint Remote(Socket socket) => (IPEndPoint)socket.RemoteEndPoint!;
}
