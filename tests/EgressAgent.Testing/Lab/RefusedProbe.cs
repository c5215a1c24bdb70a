using System.Net;
using System.Net.Sockets;

namespace EgressAgent.Testing.Lab;

/// <summary>
/// One attempt to reach a port that refuses, with what crossed the client's links meanwhile: each question has an answer of its own where the
/// first is answered. A client that had to ask again has asked more often than it was refused.
/// </summary>
public sealed class RefusedProbe : IDisposable
{
    private const int Syn = 0x02;

    private readonly PacketCapture _capture;
    private readonly ProtocolType _protocol;
    private readonly IPAddress _address;
    private readonly int _port;

    private RefusedProbe(PacketCapture capture, ProtocolType protocol, string address, int port)
    {
        _capture = capture;
        _protocol = protocol;
        _address = IPAddress.Parse(address);
        _port = port;
    }

    /// <summary>How it ended.</summary>
    public required ProbeOutcome Outcome { get; init; }

    /// <summary>How many SYNs or datagrams the client has sent to the port so far.</summary>
    public int Questions => _capture.Packets.Count(packet => _address.Equals(packet.Destination) && packet.DestinationPort == _port && (_protocol == ProtocolType.Tcp
        ? packet is { Protocol: PacketProtocol.Tcp, Kind: Syn }
        : packet is { Protocol: PacketProtocol.Udp }));

    /// <summary>How many resets of the port, or ICMP errors, the client has been sent so far.</summary>
    public int Refusals => _capture.Packets.Count(packet => packet switch
    {
        { IsReset: true } => _address.Equals(packet.Source) && packet.SourcePort == _port,
        { Protocol: PacketProtocol.Icmp } => packet.Kind >> 8 == 3,
        { Protocol: PacketProtocol.IcmpV6 } => packet.Kind >> 8 == 1,
        _ => false,
    });

    /// <summary>Asks from <paramref name="client"/>, and from its address <paramref name="from"/> if one is given.</summary>
    public static RefusedProbe Run(LabHost client, ProtocolType protocol, string address, int port, string? from = null)
    {
        PacketCapture capture = client.CaptureAll();
        return new(capture, protocol, address, port)
        {
            Outcome = client.Probe(protocol == ProtocolType.Tcp ? SocketType.Stream : SocketType.Dgram, protocol, address, port, from: from).Outcome,
        };
    }

    public void Dispose() => _capture.Dispose();
}
