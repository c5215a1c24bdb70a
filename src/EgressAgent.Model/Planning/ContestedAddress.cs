using System.Net;
using System.Net.NetworkInformation;

namespace EgressAgent.Model.Planning;

/// <summary>An address of the router that another host has begun to use as well (RFC 5227, 2.4).</summary>
/// <param name="Address">The address, which the router holds.</param>
/// <param name="Holder">The other host's hardware address.</param>
/// <param name="IsDefenceDue">Whether the neighbours should be told again whose it is: once in a while, or two would do nothing else.</param>
/// <param name="IsRecheckDue">Whether nothing was heard of the other for so long that it may be gone.</param>
public sealed record ContestedAddress(IPAddress Address, PhysicalAddress Holder, bool IsDefenceDue, bool IsRecheckDue)
{
    public HolderKind Kind { get; init; }
}
