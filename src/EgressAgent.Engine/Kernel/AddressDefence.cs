using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Linux;
using EgressAgent.Linux.Arp;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Monitoring;
using EgressAgent.Model;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// Hears who else uses a router's IPv4 addresses after they were claimed, and says when to answer. The address is reserved for
/// the router, so it is kept and defended (RFC 5227, 2.4, the third way); whose mistake it is, people have to find out.
/// </summary>
/// <remarks>It hears on the monitor's thread; everything else is the pass's.</remarks>
internal sealed class AddressDefence(RouterEars router, NetlinkMonitorLoop loop, TimeProvider time) : IDisposable
{
    // DEFEND_INTERVAL: RFC 5227, 1.1.
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, Contest> _contests = [];
    private ArpConflictMonitor? _ears;
    private (int Link, PhysicalAddress Mac, ValueList<IPAddress> Addresses)? _watched;

    internal ValueList<ContestedAddress> Contested
    {
        get
        {
            lock (_lock)
            {
                return _contests.Select(item => new ContestedAddress(
                    item.Key, item.Value.Holder, IsDefenceDue(item.Value), time.GetElapsedTime(item.Value.LastHeard) >= Interval)).ToValueList();
            }
        }
    }

    /// <summary>For which addresses it listens on this link, as it is.</summary>
    internal ValueList<IPAddress> HeardOn(Link link) =>
        _watched is { } watched && watched.Link == link.Index && watched.Mac.Equals(link.MacAddress) ? watched.Addresses : [];

    /// <summary>Listens for these addresses on this link, and for no others.</summary>
    /// <exception cref="LinuxException">The link is gone.</exception>
    internal void Watch(NetworkNamespace netns, Link link, ValueList<IPAddress> addresses)
    {
        var watched = (link.Index, link.MacAddress, addresses);
        if (watched.Equals(_watched))
        {
            return;
        }

        // The new ears hear before the old ones are closed: not a word is lost in between.
        ArpConflictMonitor? ears = null;
        if (addresses.Count > 0)
        {
            ears = ArpConflictMonitor.Open(netns, link.Index, link.MacAddress, addresses);
            try
            {
                loop.Add(ears, () => Hear(ears));
            }
            catch
            {
                ears.Dispose();
                throw;
            }
        }

        Stop();
        _ears = ears;
        _watched = watched;
        lock (_lock)
        {
            foreach (IPAddress gone in _contests.Keys.Except(addresses).ToArray())
            {
                _contests.Remove(gone);
            }
        }
    }

    /// <summary>Listens no more; until <see cref="Watch"/> is called again.</summary>
    internal void Stop()
    {
        if (_ears is not null)
        {
            loop.Remove(_ears);
            Hear(_ears);
            _ears.Dispose();
            _ears = null;
        }

        _watched = null;
    }

    /// <summary>Notes that the neighbours were told whose the address is.</summary>
    internal void Defended(IPAddress address)
    {
        lock (_lock)
        {
            if (_contests.TryGetValue(address, out Contest? contest))
            {
                contest.LastDefended = time.GetTimestamp();
            }
        }
    }

    /// <summary>Notes who answered when the network was asked; null for nobody.</summary>
    internal void Rechecked(IPAddress address, PhysicalAddress? holder)
    {
        lock (_lock)
        {
            if (holder is null)
            {
                _contests.Remove(address);
            }
            else
            {
                Note(address, holder);
            }
        }
    }

    public void Dispose() => Stop();

    private void Hear(ArpConflictMonitor ears)
    {
        bool isNews = false;
        try
        {
            IReadOnlyList<ArpPacket> packets = ears.Read();
            lock (_lock)
            {
                foreach (ArpPacket packet in packets)
                {
                    isNews |= Note(packet.SenderAddress, packet.SenderMac);
                }
            }
        }
        catch (LinuxException)
        {
            // The link went down or away, which is told by others too.
            isNews = true;
        }

        if (isNews)
        {
            router.Tell();
        }
    }

    // Whether something is to be done about it now: who floods the network must not keep the agent busy.
    private bool Note(IPAddress address, PhysicalAddress holder)
    {
        bool isNew = !_contests.TryGetValue(address, out Contest? contest) || !contest.Holder.Equals(holder);
        if (isNew)
        {
            contest = new Contest(holder) { LastDefended = contest?.LastDefended };
            _contests[address] = contest;
        }

        contest!.LastHeard = time.GetTimestamp();
        return isNew || IsDefenceDue(contest);
    }

    private bool IsDefenceDue(Contest contest) =>
        contest.LastDefended is not { } defended || (contest.LastHeard > defended && time.GetElapsedTime(defended) >= Interval);

    private sealed class Contest(PhysicalAddress holder)
    {
        internal PhysicalAddress Holder => holder;

        internal long LastHeard { get; set; }

        internal long? LastDefended { get; set; }
    }
}
