using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>Another host on the physical network already holds a reserved address.</summary>
public sealed class AddressConflictException(IPAddress address, PhysicalAddress? holder, HolderKind kind = HolderKind.Unknown)
    : IOException(holder is null
        ? $"another host answered for {address} when the network was asked whether it is free"
        : $"{address} is in use by another host ({holder.ToColonString()}){HolderKinds.Explain(kind)}")
{
    public IPAddress Address { get; } = address;

    /// <summary>The other host's hardware address; null where it cannot be told: the kernel keeps to itself who answered for an IPv6 address.</summary>
    public PhysicalAddress? Holder { get; } = holder;
}
