using System.Net;
using System.Net.Sockets;

namespace EgressAgent.Model.Redirecting;

/// <summary>The addresses of one family that a redirect works with.</summary>
/// <param name="Inside">Where clients reach the router.</param>
/// <param name="Source">The reserved address that destinations see.</param>
/// <param name="Reserved">All reserved addresses of the family, <paramref name="Source"/> first.</param>
/// <param name="Fallback">Where everything goes that no rule takes; null when it is rejected.</param>
public sealed record FamilyRedirect(IPAddress Inside, IPAddress Source, ValueList<IPAddress> Reserved, IPAddress? Fallback)
{
    public AddressFamily Family => Inside.AddressFamily;
}
