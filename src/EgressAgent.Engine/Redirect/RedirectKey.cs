using System.Net;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Redirect;

/// <summary>What a packet is looked up by.</summary>
/// <param name="External">The external address that it is sent to; null for the inside address.</param>
/// <param name="Protocol">Its transport.</param>
/// <param name="Port">Its port.</param>
internal readonly record struct RedirectKey(IPAddress? External, TransportProtocol Protocol, ushort Port)
{
    internal RedirectKey(TransportProtocol protocol, ushort port)
        : this(null, protocol, port)
    {
    }
}
