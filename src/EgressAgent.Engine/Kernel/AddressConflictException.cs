using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Model.Addressing;

namespace EgressAgent.Engine.Kernel;

/// <summary>Another host on the physical network already holds a reserved address.</summary>
public sealed class AddressConflictException(IPAddress address, PhysicalAddress? holder)
    : IOException($"{address} is in use by another host{(holder is null ? "" : $" ({holder.ToColonString()})")}")
{
    public IPAddress Address { get; } = address;

    /// <summary>The other host's hardware address; null where the kernel does not tell (IPv6).</summary>
    public PhysicalAddress? Holder { get; } = holder;
}
