using System.Diagnostics;
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

// Address hygiene on the physical network. For IPv6 the kernel asks for duplicates itself; it keeps to itself who has the
// address, so that is asked for once it has failed.
internal sealed partial class LinuxKernelRouter
{
    // RFC 5227 wants three probes one to two seconds apart, for networks of 2008. A switched network answers within
    // milliseconds, and an edit should not take seconds.
    private const int ProbeCount = 3;
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromMilliseconds(100);

    // RFC 5227, 2.3: ANNOUNCE_NUM and ANNOUNCE_INTERVAL. One may be lost, most of all right after the link came up, while a switch
    // or the kernel is not ready to send.
    private const int AnnouncementCount = 2;
    private static readonly TimeSpan AnnouncementInterval = TimeSpan.FromSeconds(2);

    // What the network was last told of each address. What an earlier run of the agent announced is not known,
    // nor whether the link was away since: that is announced again.
    private readonly Dictionary<IPAddress, Announcement> _announced = [];

    // IPv6 addresses for which another host answered the kernel. Before the next try the network is asked in so many words: an
    // address that is still held is not even tentatively put on the link.
    private readonly HashSet<IPAddress> _refused = [];

    private void Claim(ClaimAddress claim)
    {
        IPAddress address = claim.Entry.Address.Address;
        Link link = RequiredLink(Route, claim.Entry.Link);
        bool isProbed = claim.Check == PriorHolderCheck.Probe;
        if (address.IsIPv4)
        {
            ThrowIfHeld(address, isProbed ? FindHolder(link, address) : null);
        }
        else if (Route.GetAddresses(link.Index).Any(own => own.Address.Equals(address) && own.HasDadFailed))
        {
            PhysicalAddress? holder = FindIPv6Holder(link, address);

            // The kernel does not try again by itself.
            Route.RemoveAddress(ToKernel(claim.Entry));
            _refused.Add(address);
            throw new AddressConflictException(address, holder);
        }
        else if (_refused.Contains(address))
        {
            ThrowIfHeld(address, isProbed ? FindIPv6Holder(link, address) : null);
            _refused.Remove(address);
        }

        // Who speaks up the moment after is heard too.
        HearOthers(link, Route.GetAddresses(link.Index).Select(own => own.Address).Append(address));
        AddAddress(claim.Entry, isProbed ? AddressFlags.None : AddressFlags.NoDad);
    }

    private void HearOthers(Link link, IEnumerable<IPAddress> addresses) =>
        _defence.Watch(Netns, link, addresses.Where(address => address.IsIPv4).Distinct().ToValueList());

    private static void ThrowIfHeld(IPAddress address, PhysicalAddress? holder)
    {
        if (holder is not null)
        {
            throw new AddressConflictException(address, holder);
        }
    }

    private PhysicalAddress? FindHolder(Link link, IPAddress address)
    {
        // Without a carrier nobody hears the question. The address is announced when the carrier comes.
        if (!link.HasCarrier)
        {
            return null;
        }

        using ArpSocket socket = ArpSocket.Open(Netns, link.Index, link.MacAddress);
        return socket.Probe(address, ProbeCount, ProbeInterval);
    }

    private PhysicalAddress? FindIPv6Holder(Link link, IPAddress address)
    {
        try
        {
            return NdpSocket.FindHolder(Netns, link.Index, link.MacAddress, address, ProbeCount * ProbeInterval);
        }
        catch (LinuxException exception) when (IsNotReady(exception))
        {
            return null;
        }
    }

    // Null when the network knows it.
    private TimeSpan? AnnouncementDueIn(IPAddress address, Attachment attachment)
    {
        if (!_announced.TryGetValue(address, out Announcement last) || last.Attachment != attachment)
        {
            return TimeSpan.Zero;
        }

        TimeSpan rest = AnnouncementInterval - Stopwatch.GetElapsedTime(last.Sent);
        return last.Count < AnnouncementCount ? (rest > TimeSpan.Zero ? rest : TimeSpan.Zero) : null;
    }

    private Attachment AttachmentOf(Link link) =>
        new(link.Index, link.MacAddress, link.CarrierUpCount, link.ParentIndex is { } master ? _nodeRoute.GetLink(master)?.CarrierUpCount : null);

    private void AnnounceAddress(IPAddress address)
    {
        Link link = RequiredLink(Route, RouterNames.OutsideLink);

        // Looked at first: what happens while the packets are on their way makes them due again.
        Attachment attachment = AttachmentOf(link);
        if (!CanAnnounce(link))
        {
            return;
        }

        if (address.IsIPv4)
        {
            using ArpSocket socket = ArpSocket.Open(Netns, link.Index, link.MacAddress);
            socket.SendAnnouncement(address);
        }
        else
        {
            AnnounceIPv6(link, address);
        }

        int count = _announced.TryGetValue(address, out Announcement last) && last.Attachment == attachment ? last.Count : 0;
        _announced[address] = new Announcement(attachment, count + 1, Stopwatch.GetTimestamp());
        _defence.Defended(address);
    }

    // Without a carrier nobody would hear it.
    private static bool CanAnnounce(Link link) => link is { IsUp: true, HasCarrier: true };

    private void AnnounceIPv6(Link link, IPAddress address)
    {
        try
        {
            NdpSocket.Announce(Netns, link.Index, link.MacAddress, address);
        }
        catch (LinuxException exception) when (IsNotReady(exception))
        {
            // With ndisc_notify the kernel announces it as soon as it has found no duplicate.
        }
    }

    // Duplicate detection is still under way, for the address or for the link-local one.
    private static bool IsNotReady(LinuxException exception) =>
        exception.Errno == Errno.EADDRNOTAVAIL || exception.Errno == Errno.ENETUNREACH;

    // A switch forgets a MAC whose port lost its link, and neighbours what they cannot reach. The kernel hands an outage on from
    // the master to its macvlan up to a second late, and not at all one that is over by then: so both are asked how often they
    // came up.
    private readonly record struct Attachment(int Link, PhysicalAddress Mac, uint CarrierUps, uint? MasterCarrierUps);

    private readonly record struct Announcement(Attachment Attachment, int Count, long Sent);
}
