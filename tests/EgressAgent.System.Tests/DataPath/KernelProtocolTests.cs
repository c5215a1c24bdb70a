using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>The kernel carries every protocol.</summary>
public sealed class KernelProtocolTests(DataPathTest.Fixture fixture) : ProtocolTests(fixture)
{
    protected override ProbeOutcome PingToFallback => ProbeOutcome.Answered;

    [Theory]
    [InlineData(47)]
    [InlineData(50)]
    [InlineData(253)]
    public void Fallback_takes_every_protocol_and_brings_the_answer_back(int protocol)
    {
        Lab.Apply("dual", Fallbacks);
        using Socket server = Lab.Server.CreateRawSocket(protocol);
        using Socket client = Lab.Client.CreateRawSocket(protocol);

        // The server has several addresses, and a raw socket would answer from the one that is nearest.
        server.Bind(new IPEndPoint(IPAddress.Parse(DataPathLab.OtherWeb), 0));
        server.ReceiveTimeout = client.ReceiveTimeout = 2000;

        // As GRE this is version 0 without a key, as ESP an SPI and a sequence number.
        byte[] payload = [0, 0, 8, 0, 0, 0, 0, 1, .. "hello"u8];
        client.SendTo(payload, new IPEndPoint(IPAddress.Parse(DataPathLab.Inside), 0));

        byte[] packet = new byte[256];
        EndPoint peer = new IPEndPoint(IPAddress.Any, 0);
        int length = server.ReceiveFrom(packet, ref peer);
        Assert.Equal("192.168.12.99", ((IPEndPoint)peer).Address.ToString());
        Assert.Equal(payload, packet.AsSpan(20, length - 20));
        server.SendTo(payload, peer);
        client.ReceiveFrom(packet, ref peer);
        Assert.Equal(DataPathLab.Inside, ((IPEndPoint)peer).Address.ToString());
    }

    [Theory]
    [InlineData("redirectRules: [ { destinationIP: 203.0.113.132, port: 7777, targetPort: 7, protocol: SCTP } ]", 7777)]
    [InlineData("fallbackIP: 203.0.113.132", 7)]
    public void Sctp_association_comes_up_and_echoes(string redirect, int port)
    {
        const string Examples = "/usr/lib/usrsctp/";
        Assert.SkipUnless(File.Exists(Examples + "echo_server"), "needs Debian's libusrsctp-examples");
        Lab.Apply("sctp", $"addresses: [ {{ ip: 192.168.12.77/24 }} ], redirect: {{ {redirect} }}");
        using LanAudit lan = new(Lab);
        Process server = Lab.SctpServer.Start(Examples + "echo_server");
        Eventually.True("the server", () => SctpInit.IsAnswered(Lab.Gateway, DataPathLab.SctpServerAddress, 7));
        Process client = Lab.Client.Start(Examples + "client", DataPathLab.Inside, $"{port}");
        List<string> printed = [];
        client.OutputDataReceived += (_, line) =>
        {
            lock (printed)
            {
                printed.Add(line.Data ?? "");
            }
        };
        client.BeginOutputReadLine();

        // It says hello again until it is echoed: what it reads before the association is up is lost.
        Eventually.True("the echo", () =>
        {
            client.StandardInput.WriteLine("hello over SCTP");
            client.StandardInput.Flush();
            lock (printed)
            {
                return printed.Any(line => line.Contains("hello over SCTP"));
            }
        });

        Assert.Contains(lan.Packets, packet => packet.Protocol == PacketProtocol.Sctp && packet.DestinationPort == 7);
        lan.AssertRoutersSentOnly(["192.168.12.77"], [DataPathLab.SctpServerAddress]);
        client.Kill();
        server.Kill();
    }
}
