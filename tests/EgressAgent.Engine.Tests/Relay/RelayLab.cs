using System.Net;
using System.Net.Sockets;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Testing.Lab;

namespace EgressAgent.Engine.Tests.Relay;

/// <summary>
/// A client, a router and a server, each in a network namespace of its own:
/// <code>
/// client 198.18.0.1 ── eth0 198.18.0.2 [router] net1 192.168.12.99 ── 192.168.12.10 server
/// </code>
/// and the same in IPv6. 10.9.9.9 is a black hole behind the server, 10.8.8.8 has an "unreachable" route. Both ends have an address
/// more, ending in 5, to which the router knows a narrow path.
/// </summary>
public sealed class RelayLab : IDisposable
{
    private readonly NetnsLab _lab = new();

    public RelayLab()
    {
        LabHost client = _lab.AddHost("client");
        LabHost router = _lab.AddHost("router");
        LabHost server = _lab.AddHost("server");
        client.ConnectTo(router, "c0", "eth0");
        router.ConnectTo(server, "net1", "s0");
        router.IpBatch($"link set eth0 group {LinkGroups.Inside}", $"link set net1 group {LinkGroups.Outside}");
        Address(client, "c0", "198.18.0.1/16", "198.18.0.3/16", "198.18.0.5/16", "fd96::1/64", "fd96::5/64");
        Address(router, "eth0", "198.18.0.2/16", "fd96::2/64");
        Address(router, "net1", "192.168.12.99/24", "fd12::99/64");
        Address(server, "s0", "192.168.12.10/24", "192.168.12.5/24", "fd12::10/64", "fd12::5/64");
        router.Ip("route add 10.9.9.9 via 192.168.12.10");
        router.Ip("route add unreachable 10.8.8.8");
        router.Ip("route add 198.18.0.5 dev eth0 mtu 1280");
        router.Ip("route add 192.168.12.5 dev net1 mtu 1280");
        router.Ip("route add fd96::5 dev eth0 mtu 1280");
        router.Ip("route add fd12::5 dev net1 mtu 1280");
        Client = NetworkNamespace.OpenPath(client.NamespacePath);
        Router = NetworkNamespace.OpenPath(router.NamespacePath);
        Server = NetworkNamespace.OpenPath(server.NamespacePath);
        RouterHost = router;
    }

    internal static IPAddress Inside { get; } = IPAddress.Parse("198.18.0.2");

    internal static IPAddress Inside6 { get; } = IPAddress.Parse("fd96::2");

    internal static IPAddress Source { get; } = IPAddress.Parse("192.168.12.99");

    internal static IPAddress Source6 { get; } = IPAddress.Parse("fd12::99");

    internal static IPAddress ServerAddress { get; } = IPAddress.Parse("192.168.12.10");

    internal static IPAddress ServerAddress6 { get; } = IPAddress.Parse("fd12::10");

    internal static IPAddress BlackHole { get; } = IPAddress.Parse("10.9.9.9");

    internal static IPAddress Unreachable { get; } = IPAddress.Parse("10.8.8.8");

    internal NetworkNamespace Client { get; }

    internal NetworkNamespace Router { get; }

    internal NetworkNamespace Server { get; }

    internal LabHost RouterHost { get; }

    internal static RedirectPlan Plan(params RedirectRuleSpec[] rules) => new()
    {
        Key = Example.Key,
        Datapath = DatapathKind.Relay,
        Families = [Family(Inside, Source), Family(Inside6, Source6)],
        Rules = [.. rules],
    };

    internal static RedirectPlan PlanWithFallback(params RedirectRuleSpec[] rules) => Plan(rules) with
    {
        Families = [Family(Inside, Source, ServerAddress), Family(Inside6, Source6, ServerAddress6)],
    };

    internal static FamilyRedirect Family(IPAddress inside, IPAddress source, IPAddress? fallback = null) => new(inside, source, [source], fallback);

    internal static RedirectRuleSpec Tcp(ushort port, IPEndPoint to) =>
        new(TransportProtocol.TCP, port, to.Address, (ushort)to.Port);

    internal static RedirectRuleSpec Udp(ushort port, IPEndPoint to) =>
        new(TransportProtocol.UDP, port, to.Address, (ushort)to.Port);

    internal static Socket TcpSocket(NetworkNamespace where, IPAddress family) => Open(where, family, SocketType.Stream, ProtocolType.Tcp);

    internal static Socket UdpSocket(NetworkNamespace where, IPAddress family) => Open(where, family, SocketType.Dgram, ProtocolType.Udp);

    /// <summary>A connected client; reads and writes give up after ten seconds.</summary>
    internal Socket Connect(int port, IPAddress? to = null)
    {
        to ??= Inside;
        Socket socket = TcpSocket(Client, to);
        socket.Connect(to, port);
        return socket;
    }

    internal Socket Listen(IPAddress? address = null, int port = 0)
    {
        address ??= ServerAddress;
        Socket socket = TcpSocket(Server, address);
        socket.Bind(new IPEndPoint(address, port));
        socket.Listen(512);
        return socket;
    }

    public void Dispose()
    {
        Client.Dispose();
        Router.Dispose();
        Server.Dispose();
        _lab.Dispose();
    }

    private static void Address(LabHost host, string link, params string[] addresses)
    {
        foreach (string address in addresses)
        {
            host.AddAddress(link, address);
        }
    }

    private static Socket Open(NetworkNamespace where, IPAddress family, SocketType type, ProtocolType protocol)
    {
        Socket socket = where.Run(() => new Socket(family.AddressFamily, type, protocol));
        socket.ReceiveTimeout = 10_000;
        socket.SendTimeout = 10_000;
        return socket;
    }

    /// <summary>The lab that tests share, made by the first of them that is not skipped: a fixture cannot be.</summary>
    public sealed class Fixture : IDisposable
    {
        private RelayLab? _lab;

        internal RelayLab Lab => _lab ??= new RelayLab();

        public void Dispose() => _lab?.Dispose();
    }
}
