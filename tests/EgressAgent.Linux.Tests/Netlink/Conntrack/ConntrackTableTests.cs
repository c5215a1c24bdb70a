using System.Net;
using System.Net.Sockets;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Linux.Nftables;
using EgressAgent.Linux.Tests.Support;

namespace EgressAgent.Linux.Tests.Netlink.Conntrack;

public sealed class ConntrackTableTests : IDisposable
{
    // One of two for experiments: RFC 3692.
    private const int UnknownProtocol = 253;

    private readonly ScratchNetns _netns = ScratchNetns.Create();
    private readonly ConntrackTable _table;

    public ConntrackTableTests()
    {
        _table = ConntrackTable.Open(_netns.Namespace);
        _netns.Up("lo");
        Sysctl.Set(_netns.Namespace, "net/netfilter/nf_conntrack_acct", 1);

        // A rule that looks at the state switches tracking on.
        using NftContext nft = NftContext.Open(_netns.Namespace);
        nft.Run(
            """
            table inet t {
                chain marks { type filter hook output priority 0; ct state new ct mark set 0x2a; }
                chain redirects { type nat hook output priority -100; udp dport 9000 dnat ip to 127.0.0.1:53; }
            }
            """);
    }

    public void Dispose()
    {
        _table.Dispose();
        _netns.Dispose();
    }

    [Fact]
    public void Translated_udp_flow_shows_where_it_really_goes()
    {
        Send(IPAddress.Loopback, 9000);

        ConntrackEntry flow = Assert.Single(_table.GetFlows());

        Assert.Equal((17, (ushort?)9000), (flow.Original.Protocol, flow.Original.DestinationPort));
        Assert.Equal((ushort?)53, flow.Reply.SourcePort);
        Assert.True(flow.Status.HasFlag(ConntrackStatus.DestinationNat | ConntrackStatus.Confirmed));
        Assert.False(flow.Status.HasFlag(ConntrackStatus.SeenReply));
        Assert.Equal(0x2au, flow.Mark);
        Assert.Equal(new ConntrackCounters(1, 29), flow.OriginalCounters);
        Assert.InRange(flow.Timeout!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(120));
        Assert.Contains($"id={flow.Id}", _netns.Exec("conntrack", "-L", "-o", "id"), StringComparison.Ordinal);
    }

    [Fact]
    public void Flows_of_every_protocol_are_read_and_can_be_removed_one_by_one()
    {
        Send(IPAddress.Loopback, 1000);
        Send(IPAddress.IPv6Loopback, 1001);
        SendEcho(ProtocolType.Icmp, IPAddress.Loopback, 8);
        SendEcho(ProtocolType.IcmpV6, IPAddress.IPv6Loopback, 128);
        SendOfUnknownProtocol();
        ConnectTcp();

        IReadOnlyList<ConntrackEntry> flows = _table.GetFlows();

        Assert.Equal(
            [1, 6, 17, 17, 58, UnknownProtocol],
            flows.Select(flow => (int)flow.Original.Protocol).Order());
        ConntrackEntry echo = flows.Single(flow => flow.Original.Protocol == 1);
        Assert.Equal(((ushort?)0x1234, (byte?)8, (byte?)0), (echo.Original.IcmpId, echo.Original.IcmpType, echo.Original.IcmpCode));
        Assert.Equal((byte?)0, echo.Reply.IcmpType);
        Assert.Equal((byte?)128, flows.Single(flow => flow.Original.Protocol == 58).Original.IcmpType);
        Assert.Null(flows.Single(flow => flow.Original.Protocol == UnknownProtocol).Original.SourcePort);
        Assert.Equal(2, _table.GetFlows(AddressFamily.InterNetworkV6).Count);
        Assert.Equal(4, _table.GetFlows(AddressFamily.InterNetwork).Count);

        foreach (ConntrackEntry flow in flows)
        {
            Assert.True(_table.Remove(flow), flow.ToString());
            Assert.False(_table.Remove(flow), flow.ToString());
        }

        Assert.Empty(_table.GetFlows());
    }

    [Fact]
    public void Flow_of_another_id_is_left_alone()
    {
        Send(IPAddress.Loopback, 1000);
        ConntrackEntry flow = Assert.Single(_table.GetFlows());

        Assert.False(_table.Remove(flow with { Id = flow.Id + 1 }));
        Assert.Single(_table.GetFlows());
    }

    [Fact]
    public void Flush_forgets_all()
    {
        for (int port = 1; port <= 1500; port++)
        {
            Send(IPAddress.Loopback, port);
        }

        Assert.Equal(1500, _table.GetFlows().DistinctBy(flow => flow.Id).Count());

        _table.Flush();

        Assert.Empty(_table.GetFlows());
    }

    private void Send(IPAddress target, int port)
    {
        using Socket socket = _netns.Namespace.Run(() => new Socket(target.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        socket.Bind(new IPEndPoint(target, 0));
        socket.SendTo("x"u8, new IPEndPoint(target, port));
    }

    // .NET's own sockets take only the protocols that it knows.
    private unsafe void SendOfUnknownProtocol()
    {
        using FileHandle socket = _netns.Namespace.CreateSocket(LibC.AF_INET, LibC.SOCK_RAW, UnknownProtocol);
        byte* payload = stackalloc byte[4];
        fixed (byte* target = new IPEndPoint(IPAddress.Loopback, 0).Serialize().Buffer.Span)
        {
            Assert.Equal(4, LibC.sendto(socket, payload, 4, 0, target, 16));
        }
    }

    private void SendEcho(ProtocolType protocol, IPAddress target, byte type)
    {
        byte[] packet = [type, 0, 0, 0, 0x12, 0x34, 0, 1];
        if (protocol == ProtocolType.Icmp)
        {
            // The one's complement sum over the four words; for ICMPv6 the kernel does it.
            int sum = 0x0800 + 0x1234 + 1;
            packet[2] = (byte)(~sum >> 8);
            packet[3] = (byte)~sum;
        }

        using Socket socket = _netns.Namespace.Run(() => new Socket(target.AddressFamily, SocketType.Raw, protocol));
        socket.SendTo(packet, new IPEndPoint(target, 0));
    }

    private void ConnectTcp()
    {
        using Socket listener = _netns.Namespace.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        using Socket client = _netns.Namespace.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        client.Connect(listener.LocalEndPoint!);
    }
}
