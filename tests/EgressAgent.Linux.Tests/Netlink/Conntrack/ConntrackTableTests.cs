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
    public void Flow_is_found_by_its_first_packet()
    {
        Send(IPAddress.Loopback, 9000);
        ConntrackEntry flow = Assert.Single(_table.GetFlows());

        Assert.Equal((ushort?)53, _table.Find(flow.Original)!.Reply.SourcePort);
        Assert.Null(_table.Find(flow.Original with { DestinationPort = 9001 }));
    }

    [Fact]
    public void File_lists_the_same_flows_as_the_table()
    {
        Assert.SkipUnless(File.Exists("/proc/net/nf_conntrack"), "needs a kernel with CONFIG_NF_CONNTRACK_PROCFS");
        SendOfEveryProtocol();

        // More than the kernel hands out at once.
        for (int port = 2000; port < 2100; port++)
        {
            Send(IPAddress.IPv6Loopback, port);
        }

        IReadOnlyList<ConntrackTuple> listed = ConntrackFile.TryRead(_netns.Namespace)!;

        Assert.Equal(_table.GetFlows().Select(flow => $"{flow.Original}").Order(), listed.Select(tuple => $"{tuple}").Order());
        Assert.All(listed, tuple => Assert.Equal(tuple, _table.Find(tuple)!.Original));
    }

    [Theory]
    [InlineData("ipv4     2 tcp      6 117 TIME_WAIT src=10.0.0.2 dst=10.0.0.3 sport=1 dport=2 src=10.0.0.3 dst=10.0.0.2 sport=2 dport=1 [ASSURED] mark=0 zone=3 use=2\n")]
    [InlineData("ipv4     2 tcp      6 117 TIME_WAIT src=10.0.0.2 dst=10.0.0.\n")]
    [InlineData("a line of another kind\n")]
    public void File_with_a_line_that_is_not_understood_lists_nothing(string line)
    {
        Assert.Null(ConntrackFile.Parse(line));
    }

    [Fact]
    public void Flows_of_every_protocol_are_read_and_can_be_removed_one_by_one()
    {
        SendOfEveryProtocol();

        IReadOnlyList<ConntrackEntry> flows = _table.GetFlows();

        Assert.Equal(
            [1, 6, 17, 17, 58, UnknownProtocol],
            flows.Select(flow => (int)flow.Original.Protocol).Order());
        ConntrackEntry echo = flows.Single(flow => flow.Original.Protocol == 1);
        Assert.Equal(((ushort?)0x1234, (byte?)8, (byte?)0), (echo.Original.IcmpId, echo.Original.IcmpType, echo.Original.IcmpCode));
        Assert.Equal((byte?)0, echo.Reply.IcmpType);
        Assert.Equal((byte?)128, flows.Single(flow => flow.Original.Protocol == 58).Original.IcmpType);
        Assert.Null(flows.Single(flow => flow.Original.Protocol == UnknownProtocol).Original.SourcePort);
        List<ConntrackEntry> visited = [];
        _table.VisitFlows((in ConntrackFlow flow) => visited.Add(flow.ToEntry()));
        Assert.Equal(flows.Select(flow => flow with { Timeout = null }).OrderBy(flow => flow.Id), visited.Select(flow => flow with { Timeout = null }).OrderBy(flow => flow.Id));
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

    [Theory]
    [InlineData(6, "192.0.2.9", "192.0.2.99", "198.51.100.7", "192.0.2.98")]
    [InlineData(6, "2001:db8::9", "2001:db8::99", "2001:db8:1::7", "2001:db8::98")]
    [InlineData(17, "192.0.2.9", "192.0.2.99", "198.51.100.7", "192.0.2.98")]
    public void Flow_of_another_machine_is_restored_with_both_its_translations(byte protocol, string client, string dialled, string destination, string source)
    {
        bool isTcp = protocol == 6;
        ConntrackEntry flow = new(
            new ConntrackTuple(protocol, IPAddress.Parse(client), IPAddress.Parse(dialled)) { SourcePort = 40_000, DestinationPort = 80 },
            new ConntrackTuple(protocol, IPAddress.Parse(destination), IPAddress.Parse(source)) { SourcePort = 8080, DestinationPort = 40_001 })
        {
            Status = ConntrackStatus.SeenReply | ConntrackStatus.Confirmed | ConntrackStatus.SourceNat | ConntrackStatus.DestinationNat | (isTcp ? ConntrackStatus.Assured : 0),
            Mark = 0x10,
            Timeout = TimeSpan.FromSeconds(3000),
            Connection = isTcp ? new ConntrackConnection(3) : null,
        };

        Assert.True(_table.Restore(flow));

        ConntrackEntry restored = Assert.Single(_table.GetFlows());
        Assert.Equal((flow.Original, flow.Reply, flow.Mark, flow.Connection), (restored.Original, restored.Reply, restored.Mark, restored.Connection));
        Assert.True(restored.Status.HasFlag(flow.Status), $"{restored.Status}");
        Assert.Equal(isTcp, restored.Status.HasFlag(ConntrackStatus.Assured));
        Assert.InRange(restored.Timeout!.Value, TimeSpan.FromSeconds(2990), TimeSpan.FromSeconds(3000));
        Assert.False(_table.Restore(flow));
        Assert.Equal(restored.Id, Assert.Single(_table.GetFlows()).Id);
    }

    [Fact]
    public void Flow_that_cannot_be_is_refused()
    {
        ConntrackTuple ends = new(6, IPAddress.Loopback, IPAddress.Loopback) { SourcePort = 1, DestinationPort = 2 };

        LinuxException refusal = Assert.Throws<LinuxException>(() => _table.Restore(new ConntrackEntry(ends, ends) { Connection = new ConntrackConnection(99) }));

        Assert.Contains("restore flow", refusal.Message);
        Assert.Empty(_table.GetFlows());
    }

    // Of the second one: the first also makes what lasts.
    private long AllocatedByAVisit(out int visited)
    {
        long allocated = 0;
        int count = 0;
        for (int i = 0; i < 2; i++)
        {
            count = 0;
            long before = GC.GetAllocatedBytesForCurrentThread();
            _table.VisitFlows((in ConntrackFlow _) => count++);
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        visited = count;
        return allocated;
    }

    [Fact]
    public void Flush_forgets_all()
    {
        for (int port = 1; port <= 1500; port++)
        {
            Send(IPAddress.Loopback, port);
        }

        Assert.Equal(1500, _table.GetFlows().DistinctBy(flow => flow.Id).Count());
        Assert.InRange(AllocatedByAVisit(out int visited), 0, 16 * visited);
        Assert.InRange(visited, 1500, 3000);

        _table.Flush();

        Assert.Empty(_table.GetFlows());
    }

    private void SendOfEveryProtocol()
    {
        Send(IPAddress.Loopback, 1000);
        Send(IPAddress.IPv6Loopback, 1001);
        SendEcho(ProtocolType.Icmp, IPAddress.Loopback, 8);
        SendEcho(ProtocolType.IcmpV6, IPAddress.IPv6Loopback, 128);
        SendOfUnknownProtocol();
        ConnectTcp();
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
