using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Linux;
using EgressAgent.Linux.Arp;
using EgressAgent.Linux.Inquiries;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Ndp;
using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// A router's claims to its reserved addresses on the physical network: asks before it takes one, tells the network of it, and hears
/// who else uses it. For IPv6 the kernel asks for duplicates itself; it keeps to itself who has the address, so that is asked for
/// once the kernel's detection has failed.
/// </summary>
/// <param name="ears">The router's.</param>
/// <param name="netns">The router's.</param>
/// <param name="node">Where the masters are.</param>
/// <param name="monitor">Who knows them, and on whose loop others are heard.</param>
/// <param name="time">The clock.</param>
/// <param name="notes">What agents leave to the next one of what they announced; null for nothing.</param>
internal sealed class AddressClaims(RouterEars ears, RouterNetns netns, NetworkNamespace node, ChangeMonitor monitor, TimeProvider time, RouterNotes? notes = null)
    : IDisposable
{
    // RFC 5227 wants three probes one to two seconds apart, for networks of 2008. A switched network answers within
    // milliseconds, and an edit should not take seconds.
    private const int ProbeCount = 3;
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromMilliseconds(100);

    // IPv4's dummy address (RFC 7600), which no host has. A network that sends back a question for it sends back everything.
    private static readonly IPAddress NobodysAddress = IPAddress.Parse("192.0.0.8");

    // RFC 5227, 2.3: ANNOUNCE_NUM and ANNOUNCE_INTERVAL. One may be lost, most of all right after the link came up, while a switch
    // or the kernel is not ready to send.
    private static readonly TimeSpan[] AnnouncementIntervals = [TimeSpan.FromSeconds(2)];

    // An external address may have moved here from another router, and a neighbour that learned where it was keeps that for a second
    // (locktime, arp(7)), whatever it is told. It is told again when that is over.
    private static readonly TimeSpan[] ExternalAnnouncementIntervals = [.. Enumerable.Repeat(TimeSpan.FromMilliseconds(500), 3)];

    // What was another node's until now the network is to know at once, and after that for as long as a switch or a neighbour may be slow.
    private static readonly TimeSpan[] TakeoverIntervals =
        [TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(300), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3)];

    private readonly AddressDefence _defence = new(ears, monitor.Loop, time);

    // What the network was last told of each address. What an earlier agent told it as often as is needed, it noted; what is not noted, or
    // of a link that was away since, is announced again.
    private readonly Dictionary<IPAddress, Announcement> _announced = [];
    private bool _hasRecalled;

    // IPv6 addresses for which another host answered the kernel. Before the next try the network is asked in so many words: an
    // address that is still held is not even tentatively put on the link.
    private readonly HashSet<IPAddress> _refused = [];

    private readonly HashSet<IPAddress> _external = [];

    internal ValueList<ContestedAddress> Contested => _defence.Contested;

    internal ValueList<IPAddress> Suspected => _defence.Suspected;

    public void Dispose() => _defence.Dispose();

    /// <summary>For which addresses others are heard on this link.</summary>
    internal ValueList<IPAddress> HeardOn(Link link) => _defence.HeardOn(link);

    internal void Hear(Link link, IEnumerable<IPAddress> addresses, PriorHolderCheck check) =>
        _defence.Watch(netns.Namespace, link, node, MasterOf(link), addresses.Distinct().ToValueList(), isAsking: check == PriorHolderCheck.Probe);

    /// <inheritdoc cref="AddressDefence.HearQuestionsTo"/>
    internal void HearQuestionsTo(ValueList<IPAddress> gateways) => _defence.HearQuestionsTo(gateways);

    /// <summary>Hears nobody any more: the link goes.</summary>
    internal void StopHearing() => _defence.Stop();

    /// <exception cref="AddressConflictException">Another host holds the address.</exception>
    internal void Claim(ClaimAddress claim, Link link)
    {
        IPAddress address = claim.Entry.Address.Address;
        LinkAddress wanted = KernelEntries.ToKernel(claim.Entry, link.Index);
        if (!claim.IsExternal)
        {
            _external.Remove(address);
        }
        else
        {
            _external.Add(address);
            _announced.Remove(address);

            // Neither is chosen as the source of what a process in the netns sends.
            wanted = wanted with { Scope = address.IsIPv4 ? RouteScope.Link : RouteScope.Universe, IsDeprecated = !address.IsIPv4 };
        }

        IReadOnlyList<LinkAddress> present = netns.Route.GetAddresses(link.Index);
        bool isProbed = claim.Check == PriorHolderCheck.Probe;
        if (address.IsIPv4)
        {
            ThrowIfHeld(address, isProbed ? FindHolder(link, address, claim.Gateway) : null);
        }
        else if (present.Any(own => own.Address.Equals(address) && own.HasDadFailed))
        {
            PhysicalAddress? holder = FindIPv6Holder(netns.Namespace, link, address);

            // The kernel does not try again by itself.
            netns.Route.RemoveAddress(wanted);
            _refused.Add(address);
            throw new AddressConflictException(address, holder);
        }
        else if (isProbed && !present.Any(own => own.Address.Equals(address)))
        {
            // The kernel's own detection hears nothing of a copy of this machine, which has the same MAC.
            ThrowIfHeld(address, FindHolder(link, address, claim.Gateway));
            _refused.Remove(address);
        }

        // Who speaks up the moment after is heard too.
        Hear(link, present.Where(KernelEntries.IsOurs).Select(own => own.Address).Append(address), claim.Check);
        netns.Route.ReplaceAddress(wanted with { Flags = isProbed ? AddressFlags.None : AddressFlags.NoDad });
    }

    /// <summary>Asks whether another host still uses an address of the router.</summary>
    internal void Recheck(Link link, RecheckAddress recheck)
    {
        Holder? holder = FindHolder(link, recheck.Address, recheck.Gateway, isHeld: true);
        _defence.Rechecked(recheck.Address, holder?.Mac, holder?.Kind ?? HolderKind.Unknown);
    }

    internal void Announce(Link link, Announce announce)
    {
        IPAddress address = announce.Address;

        // Looked at first: what happens while the packets are on their way makes them due again.
        Attachment attachment = AttachmentOf(link);
        if (!CanAnnounce(link))
        {
            return;
        }

        if (!address.IsIPv4)
        {
            if (!TryAnnounceIPv6(link, address))
            {
                return;
            }
        }
        else if (!_defence.TryAnnounce(link, address, inBothForms: announce.IsTakeover))
        {
            using ArpSocket socket = ArpSocket.Open(netns.Namespace, link.Index, link.MacAddress);
            socket.SendAnnouncement(address, inBothForms: announce.IsTakeover);
        }

        int count = _announced.TryGetValue(address, out Announcement last) && last.Attachment == attachment ? last.Count : 0;
        _announced[address] = new Announcement(attachment, count + 1, time.GetTimestamp(), announce.IsTakeover);
        _defence.Defended(address);
        if (IsComplete(address, _announced[address]))
        {
            Note();
        }
    }

    /// <summary>Takes back what was noted for the next agent: the link goes for good.</summary>
    internal void Forget() => notes?.Remove(ears.Key);

    /// <summary>Hears nobody any more, and forgets what the network was told and who else has the addresses: they are another holder's now.</summary>
    internal void Withdraw()
    {
        _defence.Forget();
        _hasRecalled = true;
        _announced.Clear();
        Forget();
    }

    /// <summary>Which of the addresses on the link the network is to be told of, and when.</summary>
    internal IReadOnlyList<(IPAddress Address, TimeSpan DueIn)> DueAnnouncements(Link link, IEnumerable<LinkAddress> addresses)
    {
        if (!CanAnnounce(link))
        {
            return [];
        }

        Recall();
        Attachment attachment = AttachmentOf(link);
        return [.. from address in addresses
                   where address.LinkIndex == link.Index && address is { HasDadFailed: false, IsTentative: false }
                   let dueIn = AnnouncementDueIn(address.Address, attachment)
                   where dueIn is not null
                   select (address.Address, dueIn.Value)];
    }

    private static void ThrowIfHeld(IPAddress address, Holder? holder)
    {
        if (holder is not null)
        {
            throw new AddressConflictException(address, holder.Mac, holder.Kind);
        }
    }

    private Holder? FindHolder(Link link, IPAddress address, IPAddress? gateway, bool isHeld = false)
    {
        // Without a carrier nobody hears the question. The address is announced when the carrier comes.
        if (!link.HasCarrier)
        {
            return null;
        }

        using ArpSocket own = ArpSocket.Open(netns.Namespace, link.Index, link.MacAddress);
        Link? masterLink = MasterOf(link) is { IsUp: true, HasCarrier: true } below ? below : null;
        using ArpSocket? master = masterLink is null ? null : ArpSocket.Open(node, masterLink.Index, masterLink.MacAddress);
        using AnswerCount? answers = isHeld && masterLink is not null ? AnswerCount.Open(node, masterLink.Index, link.MacAddress, address) : null;
        PhysicalAddress? mac = address.IsIPv4
            ? ArpInquiry.FindHolder(own, master, address, isHeld, ProbeCount, ProbeInterval)
            : FindIPv6Holder(link, masterLink, address, isHeld, () => CountReturns(master!) > 0);
        if (mac is null && answers is not null && HasCopy(answers, masterLink!, master!, address))
        {
            mac = link.MacAddress;
        }

        return mac is null ? null : new Holder(mac, KindOf(mac, link, address, gateway, own, master));
    }

    // Where the network sends back what is sent, the router's own answers are told from a copy's by their number.
    private bool HasCopy(AnswerCount answers, Link masterLink, ArpSocket master, IPAddress address)
    {
        int returns = CountReturns(master);
        if (returns == 0)
        {
            return false;
        }

        for (int i = 0; i < ProbeCount; i++)
        {
            if (address.IsIPv4)
            {
                master.SendProbe(address);
            }
            else
            {
                AskForIPv6(masterLink, address);
            }

            if (answers.HasAnother(returns, ProbeInterval))
            {
                return true;
            }
        }

        return false;
    }

    private void AskForIPv6(Link master, IPAddress address)
    {
        try
        {
            NdpSocket.Ask(node, master.Index, master.MacAddress, address);
        }
        catch (LinuxException exception) when (IsNotReady(exception))
        {
            // Nobody is asked, and nobody answers.
        }
    }

    private static int CountReturns(ArpSocket master) => ArpInquiry.CountReturns(master, NobodysAddress, ProbeInterval);

    private static HolderKind KindOf(PhysicalAddress mac, Link link, IPAddress address, IPAddress? gateway, ArpSocket own, ArpSocket? master) =>
        mac.Equals(link.MacAddress) ? HolderKind.Copy
        : address.IsIPv4 && gateway is not null && mac.Equals(ArpInquiry.FindHolder(own, master, gateway, isHeld: false, ProbeCount, ProbeInterval))
            ? HolderKind.Gateway
            : HolderKind.Unknown;

    // The master alone hears what a copy of this machine says; the link itself hears the other macvlans on it.
    private PhysicalAddress? FindIPv6Holder(Link link, Link? master, IPAddress address, bool isHeld, Func<bool> isSentBack)
    {
        if (master is not null && FindIPv6Holder(node, master, address) is { } holder && !(isHeld && holder.Equals(link.MacAddress) && isSentBack()))
        {
            return holder;
        }

        return isHeld || _refused.Contains(address) ? FindIPv6Holder(netns.Namespace, link, address) : null;
    }

    private static PhysicalAddress? FindIPv6Holder(NetworkNamespace where, Link link, IPAddress address)
    {
        try
        {
            return NdpSocket.FindHolder(where, link.Index, link.MacAddress, address, ProbeCount, ProbeInterval);
        }
        catch (LinuxException exception) when (IsNotReady(exception))
        {
            return null;
        }
    }

    // In passthru mode the master has the same MAC, and nothing of its own to say.
    private Link? MasterOf(Link link) =>
        link.ParentIndex is { } index && monitor.Node.FindLink(index) is { } master && !master.MacAddress.Equals(link.MacAddress)
            ? master
            : null;

    // False while duplicate detection is under way: it is due when that is over, which the kernel tells.
    private bool TryAnnounceIPv6(Link link, IPAddress address)
    {
        try
        {
            NdpSocket.Announce(netns.Namespace, link.Index, link.MacAddress, address);
            return true;
        }
        catch (LinuxException exception) when (IsNotReady(exception))
        {
            return false;
        }
    }

    // Null when the network knows it.
    private TimeSpan? AnnouncementDueIn(IPAddress address, Attachment attachment)
    {
        if (!_announced.TryGetValue(address, out Announcement last) || last.Attachment != attachment)
        {
            return TimeSpan.Zero;
        }

        if (IsComplete(address, last))
        {
            return null;
        }

        TimeSpan rest = IntervalsOf(address, last)[last.Count - 1] - time.GetElapsedTime(last.Sent);
        return rest > TimeSpan.Zero ? rest : TimeSpan.Zero;
    }

    private bool IsComplete(IPAddress address, Announcement told) => told.Count > IntervalsOf(address, told).Length;

    // Between one announcement and the next.
    private TimeSpan[] IntervalsOf(IPAddress address, Announcement told) =>
        told.IsTakeover ? TakeoverIntervals : _external.Contains(address) ? ExternalAnnouncementIntervals : AnnouncementIntervals;

    // External addresses come and go between routers, and are told of anew.
    private void Note() => notes?.Write(ears.Key, string.Join(' ', _announced
        .Where(told => IsComplete(told.Key, told.Value) && !_external.Contains(told.Key))
        .Select(told => $"{told.Key} {told.Value.Attachment.Text}")));

    private void Recall()
    {
        if (_hasRecalled || notes is null)
        {
            return;
        }

        _hasRecalled = true;
        foreach (string[] words in (notes.Find(ears.Key) ?? []).Chunk(1 + Attachment.WordCount))
        {
            if (IPAddress.TryParse(words[0], out IPAddress? address) && Attachment.TryParse(words.AsSpan(1)) is { } attachment)
            {
                _announced.TryAdd(address, new Announcement(attachment, AnnouncementIntervals.Length + 1, time.GetTimestamp(), IsTakeover: false));
            }
        }
    }

    private Attachment AttachmentOf(Link link) =>
        new(link.Index, link.MacAddress, link.CarrierUpCount, link.ParentIndex is { } master ? monitor.Node.FindLink(master)?.CarrierUpCount : null);

    // Without a carrier nobody would hear it.
    private static bool CanAnnounce(Link link) => link is { IsUp: true, HasCarrier: true };

    // Duplicate detection is still under way, for the address or for the link-local one.
    private static bool IsNotReady(LinuxException exception) =>
        exception.Errno == Errno.EADDRNOTAVAIL || exception.Errno == Errno.ENETUNREACH;

    // A switch forgets a MAC whose port lost its link, and neighbours what they cannot reach. The kernel hands an outage on from
    // the master to its macvlan up to a second late, and not at all one that is over by then: so both are asked how often they
    // came up.
    private readonly record struct Attachment(int Link, PhysicalAddress Mac, uint CarrierUps, uint? MasterCarrierUps)
    {
        internal const int WordCount = 4;

        private const string NoMaster = "-";

        internal string Text => string.Create(CultureInfo.InvariantCulture, $"{Link} {Mac} {CarrierUps} {MasterCarrierUps?.ToString(CultureInfo.InvariantCulture) ?? NoMaster}");

        internal static Attachment? TryParse(ReadOnlySpan<string> words)
        {
            uint masterUps = 0;
            return words is [var link, var mac, var ups, var master]
                && int.TryParse(link, CultureInfo.InvariantCulture, out int index) && PhysicalAddress.TryParse(mac, out PhysicalAddress? address)
                && uint.TryParse(ups, CultureInfo.InvariantCulture, out uint count)
                && (master == NoMaster || uint.TryParse(master, CultureInfo.InvariantCulture, out masterUps))
                    ? new Attachment(index, address, count, master == NoMaster ? null : masterUps)
                    : null;
        }
    }

    private sealed record Holder(PhysicalAddress Mac, HolderKind Kind);

    private readonly record struct Announcement(Attachment Attachment, int Count, long Sent, bool IsTakeover);
}
