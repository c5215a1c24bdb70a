using System.Net;
using System.Net.NetworkInformation;

namespace EgressAgent.Linux.AddressConflicts;

/// <summary>
/// Hears, on one link, who says that it has an address which is ours. It collects from the moment it is opened. One thread reads;
/// <see cref="Netlink.Monitoring.NetlinkMonitorLoop"/> does it for many.
/// </summary>
public abstract class AddressConflictMonitor : IDisposable
{
    internal abstract int Descriptor { get; }

    /// <summary>What was heard since the last call; empty when nothing was. Does not wait.</summary>
    /// <exception cref="LinuxException">The link went down (ENETDOWN); the next call goes on.</exception>
    public abstract IReadOnlyList<AddressUse> Read();

    /// <summary>Asks the link who has one of the addresses. An answer is heard as all else is.</summary>
    /// <param name="address">The address.</param>
    /// <param name="mac">The link's own MAC.</param>
    /// <exception cref="LinuxException">The link is down or gone, or cannot ask yet.</exception>
    public abstract void Ask(IPAddress address, PhysicalAddress mac);

    public abstract void Dispose();
}

/// <summary>Somebody said that it has an address.</summary>
/// <param name="Address">The address.</param>
/// <param name="Mac">The hardware address at which it says that it has it.</param>
public readonly record struct AddressUse(IPAddress Address, PhysicalAddress Mac);
