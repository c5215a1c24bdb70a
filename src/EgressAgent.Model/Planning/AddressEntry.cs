using EgressAgent.Model.Addressing;

namespace EgressAgent.Model.Planning;

/// <summary>An address on a link.</summary>
public sealed record AddressEntry(NetworkSide Side, string Link, InterfaceAddress Address)
{
    public override string ToString() => $"{Address} on {Link}";
}
