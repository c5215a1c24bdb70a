using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Linux;
using EgressAgent.Linux.Arp;
using EgressAgent.Linux.Ndp;
using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// A router's claims to its reserved addresses on the physical network: asks before it takes one, tells the network of it, and hears
/// who else uses it. For IPv6 the kernel asks for duplicates itself; it keeps to itself who has the address, so that is asked for
/// once the kernel's detection has failed.
/// </summary>
internal sealed class AddressClaims(RouterEars ears, RouterNetns netns, ChangeMonitor monitor, TimeProvider time) : IDisposable
{
    // RFC 5227 wants three probes one to two seconds apart, for networks of 2008. A switched network answers within
    // milliseconds, and an edit should not take seconds.
    private const int ProbeCount = 3;
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromMilliseconds(100);

    // RFC 5227, 2.3: ANNOUNCE_NUM and ANNOUNCE_INTERVAL. One may be lost, most of all right after the link came up, while a switch
    // or the kernel is not ready to send.
    private const int AnnouncementCount = 2;
    private static readonly TimeSpan AnnouncementInterval = TimeSpan.FromSeconds(2);

    private readonly AddressDefence _defence = new(ears, monitor.Loop, time);

    // What the network was last told of each address. What an earlier run of the agent announced is not known,
    // nor whether the link was away since: that is announced again.
    private readonly Dictionary<IPAddress, Announcement> _announced = [];

    // IPv6 addresses for which another host answered the kernel. Before the next try the network is asked in so many words: an
    // address that is still held is not even tentatively put on the link.
    private readonly HashSet<IPAddress> _refused = [];

    internal ValueList<ContestedAddress> Contested => _defence.Contested;

    public void Dispose() => _defence.Dispose();

    /// <summary>For which addresses others are heard on this link.</summary>
    internal ValueList<IPAddress> HeardOn(Link link) => _defence.HeardOn(link);

    internal void Hear(Link link, IEnumerable<IPAddress> addresses) =>
        _defence.Watch(netns.Namespace, link, addresses.Where(address => address.IsIPv4).Distinct().ToValueList());

    /// <summary>Hears nobody any more: the link goes.</summary>
    internal void StopHearing() => _defence.Stop();

    /// <exception cref="AddressConflictException">Another host holds the address.</exception>
    internal void Claim(ClaimAddress claim, Link link)
    {
        IPAddress address = claim.Entry.Address.Address;
        LinkAddress wanted = KernelEntries.ToKernel(claim.Entry, link.Index);
        IReadOnlyList<LinkAddress> present = netns.Route.GetAddresses(link.Index);
        bool isProbed = claim.Check == PriorHolderCheck.Probe;
        if (address.IsIPv4)
        {
            ThrowIfHeld(address, isProbed ? FindHolder(link, address) : null);
        }
        else if (present.Any(own => own.Address.Equals(address) && own.HasDadFailed))
        {
            PhysicalAddress? holder = FindHolder(link, address);

            // The kernel does not try again by itself.
            netns.Route.RemoveAddress(wanted);
            _refused.Add(address);
            throw new AddressConflictException(address, holder);
        }
        else if (_refused.Contains(address))
        {
            ThrowIfHeld(address, isProbed ? FindHolder(link, address) : null);
            _refused.Remove(address);
        }

        // Who speaks up the moment after is heard too.
        Hear(link, present.Select(own => own.Address).Append(address));
        netns.Route.AddAddress(wanted with { Flags = isProbed ? AddressFlags.None : AddressFlags.NoDad });
    }

    /// <summary>Asks whether another host still uses an address of the router.</summary>
    internal void Recheck(Link link, IPAddress address) => _defence.Rechecked(address, FindHolder(link, address));

    internal void Announce(Link link, IPAddress address)
    {
        // Looked at first: what happens while the packets are on their way makes them due again.
        Attachment attachment = AttachmentOf(link);
        if (!CanAnnounce(link))
        {
            return;
        }

        if (address.IsIPv4)
        {
            using ArpSocket socket = ArpSocket.Open(netns.Namespace, link.Index, link.MacAddress);
            socket.SendAnnouncement(address);
        }
        else
        {
            AnnounceIPv6(link, address);
        }

        int count = _announced.TryGetValue(address, out Announcement last) && last.Attachment == attachment ? last.Count : 0;
        _announced[address] = new Announcement(attachment, count + 1, time.GetTimestamp());
        _defence.Defended(address);
    }

    /// <summary>Which of the addresses on the link the network is to be told of, and when.</summary>
    internal IReadOnlyList<(IPAddress Address, TimeSpan DueIn)> DueAnnouncements(Link link, IEnumerable<LinkAddress> addresses)
    {
        if (!CanAnnounce(link))
        {
            return [];
        }

        Attachment attachment = AttachmentOf(link);
        return [.. from address in addresses
                   where address.LinkIndex == link.Index && !address.HasDadFailed
                   let dueIn = AnnouncementDueIn(address.Address, attachment)
                   where dueIn is not null
                   select (address.Address, dueIn.Value)];
    }

    private static void ThrowIfHeld(IPAddress address, PhysicalAddress? holder)
    {
        if (holder is not null)
        {
            throw new AddressConflictException(address, holder);
        }
    }

    private PhysicalAddress? FindHolder(Link link, IPAddress address)
    {
        if (!address.IsIPv4)
        {
            return FindIPv6Holder(link, address);
        }

        // Without a carrier nobody hears the question. The address is announced when the carrier comes.
        if (!link.HasCarrier)
        {
            return null;
        }

        using ArpSocket socket = ArpSocket.Open(netns.Namespace, link.Index, link.MacAddress);
        return socket.Probe(address, ProbeCount, ProbeInterval);
    }

    private PhysicalAddress? FindIPv6Holder(Link link, IPAddress address)
    {
        try
        {
            return NdpSocket.FindHolder(netns.Namespace, link.Index, link.MacAddress, address, ProbeCount * ProbeInterval);
        }
        catch (LinuxException exception) when (IsNotReady(exception))
        {
            return null;
        }
    }

    private void AnnounceIPv6(Link link, IPAddress address)
    {
        try
        {
            NdpSocket.Announce(netns.Namespace, link.Index, link.MacAddress, address);
        }
        catch (LinuxException exception) when (IsNotReady(exception))
        {
            // With ndisc_notify the kernel announces it as soon as it has found no duplicate.
        }
    }

    // Null when the network knows it.
    private TimeSpan? AnnouncementDueIn(IPAddress address, Attachment attachment)
    {
        if (!_announced.TryGetValue(address, out Announcement last) || last.Attachment != attachment)
        {
            return TimeSpan.Zero;
        }

        TimeSpan rest = AnnouncementInterval - time.GetElapsedTime(last.Sent);
        return last.Count < AnnouncementCount ? (rest > TimeSpan.Zero ? rest : TimeSpan.Zero) : null;
    }

    private Attachment AttachmentOf(Link link) =>
        new(link.Index, link.MacAddress, link.CarrierUpCount, link.ParentIndex is { } master ? monitor.Node.CarrierUpsOf(master) : null);

    // Without a carrier nobody would hear it.
    private static bool CanAnnounce(Link link) => link is { IsUp: true, HasCarrier: true };

    // Duplicate detection is still under way, for the address or for the link-local one.
    private static bool IsNotReady(LinuxException exception) =>
        exception.Errno == Errno.EADDRNOTAVAIL || exception.Errno == Errno.ENETUNREACH;

    // A switch forgets a MAC whose port lost its link, and neighbours what they cannot reach. The kernel hands an outage on from
    // the master to its macvlan up to a second late, and not at all one that is over by then: so both are asked how often they
    // came up.
    private readonly record struct Attachment(int Link, PhysicalAddress Mac, uint CarrierUps, uint? MasterCarrierUps);

    private readonly record struct Announcement(Attachment Attachment, int Count, long Sent);
}
