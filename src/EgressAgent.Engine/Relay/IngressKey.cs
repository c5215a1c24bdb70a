using EgressAgent.Linux.Bpf;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Relay;

/// <summary>Where clients come in: a transport, a family and a port; port 0, which nobody can dial, stands for the fallback.</summary>
internal readonly record struct IngressKey(TransportProtocol Protocol, bool IsIPv6, ushort Port)
{
    internal bool IsUdp => Protocol == TransportProtocol.UDP;

    /// <summary>The same place for <see cref="PortSteering"/>, which knows TCP and UDP.</summary>
    internal SteeringKey Steered => new(IsIPv6, IsUdp, Port);
}
