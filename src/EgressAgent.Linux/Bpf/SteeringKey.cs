using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bpf;

/// <summary>A family, a transport and a port; port 0, which nobody can dial, stands for all ports without an entry.</summary>
public readonly record struct SteeringKey
{
    public SteeringKey(bool isIPv6, bool isUdp, ushort port) => (IsIPv6, IsUdp, Port) = (isIPv6, isUdp, port);

    public bool IsIPv6 { get; }

    public bool IsUdp { get; }

    public ushort Port { get; }

    /// <summary>
    /// The key of a longest-prefix map: how many bits count (those of the port only when there is one), then family, protocol
    /// and port in network order.
    /// </summary>
    internal byte[] ToPrefix() =>
    [
        (byte)(Port == 0 ? 16 : 32), 0, 0, 0,
        (byte)(IsIPv6 ? LibC.AF_INET6 : LibC.AF_INET),
        (byte)(IsUdp ? LibC.IPPROTO_UDP : LibC.IPPROTO_TCP),
        (byte)(Port >> 8),
        (byte)Port,
    ];

    /// <summary>The place of the family's and transport's socket.</summary>
    internal uint Slot => (IsUdp ? 2u : 0u) + (IsIPv6 ? 1u : 0u);
}
