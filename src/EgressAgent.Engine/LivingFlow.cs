using System.Globalization;
using System.Net;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine;

/// <summary>A <see cref="RouterFlow"/> as a value: ten thousand are looked at every few seconds, and few of them are kept.</summary>
public readonly struct LivingFlow
{
    /// <summary>The IP protocol number.</summary>
    public byte Protocol { get; init; }

    public SocketEndpoint Client { get; init; }

    public SocketEndpoint Inside { get; init; }

    public SocketEndpoint Source { get; init; }

    public SocketEndpoint Destination { get; init; }

    public TrafficVolume Volume { get; init; }

    public uint Id { get; init; }

    public DateTimeOffset? Start { get; init; }

    public static LivingFlow Of(RouterFlow flow) => new()
    {
        Protocol = NumberOf(flow.Protocol),
        Client = ToSocketEndpoint(flow.Client),
        Inside = ToSocketEndpoint(flow.Inside),
        Source = ToSocketEndpoint(flow.Source),
        Destination = ToSocketEndpoint(flow.Destination),
        Volume = flow.Volume,
        Id = flow.Id,
        Start = flow.Start,
    };

    public RouterFlow ToRouterFlow() => new(
        NameOf(Protocol),
        Client.ToIPEndPoint(),
        Inside.ToIPEndPoint(),
        Source.ToIPEndPoint(),
        Destination.ToIPEndPoint(),
        Volume.BytesToDestination,
        Volume.BytesToClient)
    {
        Id = Id,
        Start = Start,
        PacketsOut = Volume.PacketsToDestination,
        PacketsIn = Volume.PacketsToClient,
    };

    /// <summary>As <see cref="RouterFlow"/> has it.</summary>
    internal static string NameOf(byte protocol) => protocol switch
    {
        1 => "ICMP",
        6 => nameof(TransportProtocol.TCP),
        17 => nameof(TransportProtocol.UDP),
        58 => "ICMPv6",
        132 => nameof(TransportProtocol.SCTP),
        _ => protocol.ToString(CultureInfo.InvariantCulture),
    };

    private static byte NumberOf(string name) => name switch
    {
        "ICMP" => 1,
        nameof(TransportProtocol.TCP) => 6,
        nameof(TransportProtocol.UDP) => 17,
        "ICMPv6" => 58,
        nameof(TransportProtocol.SCTP) => 132,
        _ => byte.Parse(name, CultureInfo.InvariantCulture),
    };

    private static SocketEndpoint ToSocketEndpoint(IPEndPoint endpoint) => new(endpoint.Address, (ushort)endpoint.Port);
}
