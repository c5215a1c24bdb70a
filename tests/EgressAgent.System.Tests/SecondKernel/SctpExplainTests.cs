using System.Net;
using System.Net.Sockets;
using EgressAgent.Linux.Namespaces;
using EgressAgent.System.Tests.DataPath;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.SecondKernel;

/// <summary>What the agent says of SCTP is what associations do, between the sockets of a real stack.</summary>
public abstract class SctpExplainTests : DataPathTest, IClassFixture<ExplainTests.ClassBus>
{
    private const string Cluster = "198.19.0.9";
    private const string Cluster6 = "fd96:e9e5:b::9";
    private const ushort Served = 2905;
    private const int Abort = 6;

    private readonly ExplainQuestions _questions;

    protected SctpExplainTests(Fixture fixture, ExplainTests.ClassBus bus)
        : base(fixture)
    {
        Requires.OwnKernel();
        Requires.SctpSockets();
        _questions = new ExplainQuestions(bus.Client);
        if (!Lab.IsAgentRunning)
        {
            Lab.Files.Bus = bus.Daemon.Address;
        }
    }

    [Theory]
    [InlineData("", "")]
    [InlineData($", fallbackIP: {DataPathLab.SctpServerAddress}", "")]
    [InlineData("", "egressagent.org/clients: \"10.88.0.0/24, fd88::/64\"")]
    public void Explanation_agrees_with_associations(string fallback, string annotations)
    {
        Lab.Apply("sctp", $$"""
            addresses: [ { ip: 192.168.12.77/24, gateway: 192.168.12.1 }, { ip: "2001:db8:12::77/64", gateway: "2001:db8:12::1" } ],
            redirect: { redirectRules: [
              { destinationIP: {{DataPathLab.SctpServerAddress}}, port: 3868, targetPort: 2905, protocol: SCTP },
              { destinationIP: "{{DataPathLab.Web6}}", port: 3869, targetPort: 2905, protocol: SCTP },
              { destinationIP: {{DataPathLab.Web}}, port: 80, protocol: TCP } ]{{fallback}} }
            """, annotations);
        Lab.WriteUntil("service.yaml", $$"""
            apiVersion: v1
            kind: Service
            metadata: { name: diameter }
            spec:
              clusterIPs: [ "{{Cluster}}", "{{Cluster6}}" ]
              ipFamilyPolicy: RequireDualStack
              selector: { app: egress-router-cni }
              ports:
              - { name: four, port: 3870, targetPort: 3868, protocol: SCTP }
              - { name: six, port: 3871, targetPort: 3869, protocol: SCTP }
              - { name: fallback, port: 2905, protocol: SCTP }
            """, "Service default/diameter: leads to default/sctp");
        using SctpSocket listener = Listen(Lab.SctpServer, DataPathLab.SctpServerAddress);
        using SctpSocket listener6 = Listen(Lab.Server, DataPathLab.Web6);
        foreach ((LabHost client, string from, string to) in ((LabHost, string, string)[])
            [
                (Lab.Node, "", DataPathLab.Inside), (Lab.Node, "", DataPathLab.Inside6), (Lab.Node, "", Cluster), (Lab.Node, "", Cluster6),
                (Lab.Client, "10.88.0.2", DataPathLab.Inside), (Lab.Client, "fd88::2", DataPathLab.Inside6),
                (Lab.Client, "10.88.0.2", Cluster), (Lab.Client, "fd88::2", Cluster6),
            ])
        {
            foreach (int port in (int[])[80, 2905, 3868, 3869, 3870, 3871])
            {
                _questions.Compare(
                    _questions.Ask("sctp", $"sctp/{port}", from, to, isAsked: true), [Served], () => Probe(client, to, port, to.Contains(':') ? listener6 : listener));
            }
        }

        Assert.Equal((true, true), (_questions.Forwarded >= 4, _questions.Refused >= 20));
    }

    // An association where somebody answers. A client of Linux does not hear what it is told of a port where nobody does: the answer to the
    // packet is what tells.
    private static ProbeResult Probe(LabHost client, string address, int port, SctpSocket listener)
    {
        using (PacketCapture capture = client.CaptureAll())
        {
            using Socket raw = client.CreateRawSocket(132, IPAddress.Parse(address).AddressFamily);
            bool? isRefused = null;
            ushort from = 4000;
            Eventually.True($"an answer to SCTP to {address}:{port}", () =>
            {
                raw.SendTo(SctpInit.Packet(from++, (ushort)port), new IPEndPoint(IPAddress.Parse(address), 0));
                foreach (CapturedPacket packet in capture.Packets)
                {
                    isRefused ??= packet switch
                    {
                        { Protocol: PacketProtocol.Icmp, Kind: 0x0303 } or { Protocol: PacketProtocol.IcmpV6, Kind: 0x0104 } => true,
                        { Protocol: PacketProtocol.Sctp, Kind: Abort } when packet.SourcePort == port => true,
                        { Protocol: PacketProtocol.Sctp, Kind: SctpInit.InitAck } when packet.SourcePort == port => false,
                        _ => null,
                    };
                }

                return isRefused is not null;
            });
            if (isRefused == true)
            {
                return new ProbeResult(ProbeOutcome.Refused, null);
            }
        }

        using SctpSocket socket = In(client, netns => SctpSocket.Connect(netns, new IPEndPoint(IPAddress.Parse(address), port)));
        using SctpSocket server = listener.Accept();
        socket.Send([.. "hello"u8]);
        Assert.Equal("hello"u8, server.Receive()!.Value.Message);
        return new ProbeResult(ProbeOutcome.Answered, $"{server.Remote} -> {server.Local}");
    }

    private static SctpSocket Listen(LabHost host, string address) => In(host, netns => SctpSocket.Listen(netns, new IPEndPoint(IPAddress.Parse(address), Served)));

    private static SctpSocket In(LabHost host, Func<NetworkNamespace, SctpSocket> open)
    {
        using NetworkNamespace netns = NetworkNamespace.OpenPath(host.NamespacePath);
        return open(netns);
    }
}

public sealed class KernelSctpExplainTests(DataPathTest.Fixture fixture, ExplainTests.ClassBus bus) : SctpExplainTests(fixture, bus);

public sealed class RelaySctpExplainTests(DataPathTest.RelayFixture fixture, ExplainTests.ClassBus bus)
    : SctpExplainTests(fixture, bus), IClassFixture<DataPathTest.RelayFixture>;
