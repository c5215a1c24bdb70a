using System.Net;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Linux.Sockets;
using EgressAgent.System.Tests.DataPath;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.SecondKernel;

/// <summary>SCTP through the kernel's datapath, between the sockets of a real stack.</summary>
public sealed class KernelSctpTests : DataPathTest
{
    private const ushort Port = 2905;
    private const ushort InsidePort = 3868;
    private const ushort ServicePort = 3869;
    private const string Service = "198.19.0.9";
    private const string Reserved = "192.168.12.77";
    private const string Reserved6 = "2001:db8:12::77";

    private static readonly byte[] Hello = "hello"u8.ToArray();

    public KernelSctpTests(DataPathTest.Fixture fixture)
        : base(fixture)
    {
        Requires.OwnKernel();
        Requires.SctpSockets();
    }

    [Theory]
    [InlineData($"redirectRules: [ {{ destinationIP: {DataPathLab.SctpServerAddress}, port: 3868, targetPort: 2905, protocol: SCTP }} ]", InsidePort)]
    [InlineData($"fallbackIP: {DataPathLab.SctpServerAddress}", Port)]
    public void Association_carries_messages_both_ways_from_the_reserved_address(string redirect, int port)
    {
        Apply(redirect);
        using SctpSocket listener = Listen(Lab.SctpServer, DataPathLab.SctpServerAddress);
        using LanAudit lan = new(Lab);
        using SctpSocket client = Connect(Lab.Client, DataPathLab.Inside, port);
        using SctpSocket server = listener.Accept();

        client.Send(Hello);
        Assert.Equal(Hello, server.Receive()!.Value.Message);
        Assert.Equal(Reserved, server.Remote!.Address.ToString());

        // Long messages travel as one packet for many, which packet sockets of Linux 6.1 cannot read (EFAULT).
        lan.AssertRoutersSentOnly([Reserved, Reserved6], [DataPathLab.SctpServerAddress]);
        lan.Dispose();
        AssertCarries(client, server);
        client.Shutdown();
        Assert.Null(server.Receive());
    }

    [Fact]
    public void Association_of_IPv6_leaves_from_the_IPv6_address()
    {
        Apply($"redirectRules: [ {{ destinationIP: \"{DataPathLab.Web6}\", port: 3868, targetPort: 2905, protocol: SCTP }} ]");
        using SctpSocket listener = Listen(Lab.Server, DataPathLab.Web6);
        using SctpSocket client = Connect(Lab.Client, DataPathLab.Inside6, InsidePort);
        using SctpSocket server = listener.Accept();

        AssertCarries(client, server);
        Assert.Equal(Reserved6, server.Remote!.Address.ToString());
    }

    // Its other address is in the INIT too, and means nothing to the server's side of the router.
    [Fact]
    public void Client_with_several_addresses_is_carried_by_the_one_it_came_with()
    {
        Apply($"redirectRules: [ {{ destinationIP: {DataPathLab.SctpServerAddress}, port: 3868, targetPort: 2905, protocol: SCTP }} ]");
        using SctpSocket listener = Listen(Lab.SctpServer, DataPathLab.SctpServerAddress);
        using SctpSocket client = Connect(Lab.Overlapping, DataPathLab.Inside, InsidePort);
        using SctpSocket server = listener.Accept();

        AssertCarries(client, server);
        Assert.Equal(Reserved, server.Remote!.Address.ToString());
    }

    // It answers from the address by which its own route leads, whichever the INIT went to: the rule has to name that one. The client
    // learns the others, and finds no path to them.
    [Fact]
    public void Server_with_several_addresses_is_reached_by_the_one_that_it_answers_from()
    {
        Apply("redirectRules: [ { destinationIP: 10.0.0.99, port: 3868, targetPort: 2905, protocol: SCTP } ]");
        using SctpSocket listener = Listen(Lab.Server, "0.0.0.0");
        using SctpSocket client = Connect(Lab.Client, DataPathLab.Inside, InsidePort);
        using SctpSocket server = listener.Accept();

        AssertCarries(client, server);
        Assert.Equal(Reserved, server.Remote!.Address.ToString());
    }

    [Fact]
    public void Association_through_a_Service_carries_messages_both_ways_from_the_reserved_address()
    {
        Apply($"redirectRules: [ {{ destinationIP: {DataPathLab.SctpServerAddress}, port: 3868, targetPort: 2905, protocol: SCTP }} ]");
        Lab.WriteUntil("diameter.yaml", $$"""
            apiVersion: v1
            kind: Service
            metadata: { name: diameter }
            spec: { clusterIP: {{Service}}, selector: { app: egress-router-cni }, ports: [ { port: {{ServicePort}}, targetPort: {{InsidePort}}, protocol: SCTP } ] }
            """, "Service default/diameter: leads to default/sctp");
        using SctpSocket listener = Listen(Lab.SctpServer, DataPathLab.SctpServerAddress);
        foreach (LabHost host in (LabHost[])[Lab.Client, Lab.Node])
        {
            using SctpSocket client = Connect(host, Service, ServicePort);
            using SctpSocket server = listener.Accept();

            AssertCarries(client, server);
            Assert.Equal(Reserved, server.Remote!.Address.ToString());
            client.Shutdown();
            Assert.Null(server.Receive());
        }
    }

    [Fact]
    public void Abort_reaches_the_other_side()
    {
        Apply($"redirectRules: [ {{ destinationIP: {DataPathLab.SctpServerAddress}, port: 3868, targetPort: 2905, protocol: SCTP }} ]");
        using SctpSocket listener = Listen(Lab.SctpServer, DataPathLab.SctpServerAddress);
        using SctpSocket client = Connect(Lab.Client, DataPathLab.Inside, InsidePort);
        using SctpSocket server = listener.Accept();
        AssertCarries(client, server);

        client.Abort();

        Assert.Throws<Linux.LinuxException>(() => server.Receive());
    }

    // As another node does that takes the router over: connection tracking lets pass nothing whose verification tag it does not know.
    [Fact]
    public void Association_whose_entry_is_restored_goes_on()
    {
        Apply($"redirectRules: [ {{ destinationIP: {DataPathLab.SctpServerAddress}, port: 3868, targetPort: 2905, protocol: SCTP }} ]");
        using SctpSocket listener = Listen(Lab.SctpServer, DataPathLab.SctpServerAddress);
        using SctpSocket client = Connect(Lab.Client, DataPathLab.Inside, InsidePort);
        using SctpSocket server = listener.Accept();
        AssertCarries(client, server);
        using NetworkNamespace netns = NetworkNamespace.TryOpen("egress.default.sctp")!;
        using ConntrackTable table = ConntrackTable.Open(netns);
        ConntrackEntry flow = Assert.Single(table.GetFlows(), flow => flow.Original.Protocol == 132);

        table.Flush();
        Assert.True(table.Restore(flow));

        Assert.NotEqual(0u, flow.Connection!.Value.OriginalTag);
        Assert.Equal(flow.Connection, table.Find(flow.Original)!.Connection);
        AssertCarries(client, server);
        client.Shutdown();
        Assert.Null(server.Receive());
    }

    private static void AssertCarries(SctpSocket client, SctpSocket server)
    {
        for (ushort stream = 0; stream < 10; stream++)
        {
            byte[] message = [.. Hello, .. new byte[stream * 1000]];
            client.Send(message, new SctpMessageInfo(stream, stream, false));
            (byte[] Message, SctpMessageInfo Info) received = server.Receive()!.Value;
            Assert.Equal((message.Length, stream), (received.Message.Length, received.Info.Stream));
            server.Send(received.Message, received.Info);
            Assert.Equal(message, client.Receive()!.Value.Message);
        }
    }

    private static SctpSocket Listen(LabHost host, string address)
    {
        using NetworkNamespace netns = NetworkNamespace.OpenPath(host.NamespacePath);
        return SctpSocket.Listen(netns, new IPEndPoint(IPAddress.Parse(address), Port));
    }

    private static SctpSocket Connect(LabHost host, string address, int port)
    {
        using NetworkNamespace netns = NetworkNamespace.OpenPath(host.NamespacePath);
        return SctpSocket.Connect(netns, new IPEndPoint(IPAddress.Parse(address), port));
    }

    private void Apply(string redirect) => Lab.Apply(
        "sctp", $"addresses: [ {{ ip: {Reserved}/24 }}, {{ ip: \"{Reserved6}/64\" }} ], redirect: {{ {redirect} }}");
}
