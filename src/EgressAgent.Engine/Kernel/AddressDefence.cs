using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Linux;
using EgressAgent.Linux.AddressConflicts;
using EgressAgent.Linux.Arp;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Ndp;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Monitoring;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// Hears who else uses a router's addresses after they were claimed, by ARP and by neighbour discovery, and says when to answer. The
/// address is reserved for the router, so it is kept and defended (RFC 5227, 2.4, the third way); whose mistake it is, people have to
/// find out.
/// </summary>
/// <remarks>It hears on the monitor's thread; everything else is the pass's.</remarks>
internal sealed class AddressDefence(RouterEars router, NetlinkMonitorLoop loop, TimeProvider time) : IDisposable
{
    // DEFEND_INTERVAL: RFC 5227, 1.1.
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Cleared = TimeSpan.FromSeconds(20);

    // When it is asked who else has an address. Where the network sends back the router's own answer, that makes a look each time.
    private static readonly TimeSpan FirstAsk = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan AskInterval = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan AskIntervalWhereSentBack = TimeSpan.FromMinutes(5);

    private readonly Lock _lock = new();
    private readonly Lock _asking = new();
    private readonly Dictionary<IPAddress, Contest> _contests = [];
    private readonly HashSet<IPAddress> _suspected = [];
    private readonly Dictionary<IPAddress, long> _cleared = [];
    private IReadOnlyList<Ears> _ears = [];
    private ValueList<IPAddress> _asked = [];
    private (int Link, PhysicalAddress Mac, int? Master, ValueList<IPAddress> Addresses, bool IsAsking)? _watched;
    private ITimer? _timer;

    internal ValueList<ContestedAddress> Contested
    {
        get
        {
            lock (_lock)
            {
                return _contests.Select(item => new ContestedAddress(
                    item.Key, item.Value.Holder, IsDefenceDue(item.Value), time.GetElapsedTime(item.Value.LastHeard) >= Interval)
                {
                    Kind = item.Value.Kind,
                }).ToValueList();
            }
        }
    }

    /// <summary>
    /// Addresses that something with the link's own MAC was heard to have, or that somebody answered for. It is another host or the link's
    /// own voice, which the network sent back; to ask for the address tells.
    /// </summary>
    internal ValueList<IPAddress> Suspected
    {
        get
        {
            lock (_lock)
            {
                return _suspected.ToValueList();
            }
        }
    }

    /// <summary>For which addresses it listens on this link, as it is.</summary>
    internal ValueList<IPAddress> HeardOn(Link link) =>
        _watched is { } watched && watched.Link == link.Index && watched.Mac.Equals(link.MacAddress) ? watched.Addresses : [];

    /// <summary>Listens for these addresses on this link, and for no others.</summary>
    /// <param name="netns">Where the link is.</param>
    /// <param name="link">The macvlan.</param>
    /// <param name="node">Where its master is.</param>
    /// <param name="master">
    /// Its master, which hears those who have the macvlan's own MAC: the kernel keeps what they say to all from the macvlan itself. It also
    /// hears IPv6 hosts ask for others, of which the kernel hands the macvlan little. Null where it has the same MAC.
    /// </param>
    /// <param name="addresses">The addresses.</param>
    /// <param name="isAsking">
    /// Whether the master asks for them now and then. What of it comes back to the macvlan is answered by the router itself; nothing else
    /// of what the master says gets there.
    /// </param>
    /// <exception cref="LinuxException">The link is gone.</exception>
    internal void Watch(NetworkNamespace netns, Link link, NetworkNamespace node, Link? master, ValueList<IPAddress> addresses, bool isAsking)
    {
        var watched = (link.Index, link.MacAddress, master?.Index, addresses, isAsking);
        if (watched.Equals(_watched))
        {
            return;
        }

        // The new ears hear before the old ones are closed: not a word is lost in between.
        List<Ears> ears = [];
        try
        {
            IPAddress[] ipv4 = [.. addresses.Where(address => address.IsIPv4)];
            IPAddress[] ipv6 = [.. addresses.Where(address => !address.IsIPv4)];
            if (ipv4.Length > 0)
            {
                Listen(ears, ArpConflictMonitor.Open(netns, link.Index, ipv4));
                if (master is not null)
                {
                    Listen(ears, ArpConflictMonitor.Open(node, master.Index, ipv4, link.MacAddress), ipv4, master.MacAddress);
                }
            }

            if (ipv6.Length > 0)
            {
                Listen(ears, NdpConflictMonitor.Open(netns, link.Index, ipv6));
                if (master is not null)
                {
                    Listen(ears, NdpConflictMonitor.Open(node, master.Index, ipv6), ipv6, master.MacAddress);
                }
            }

            HearQuestions(ears);
        }
        catch
        {
            Close(ears);
            throw;
        }

        Stop();
        _ears = ears;
        _watched = watched;
        if (isAsking && master is not null)
        {
            _timer = time.CreateTimer(_ => Ask(), null, FirstAsk, AskInterval);
        }

        lock (_lock)
        {
            foreach (IPAddress gone in _contests.Keys.Except(addresses).ToArray())
            {
                _contests.Remove(gone);
            }

            _suspected.IntersectWith(addresses);
        }
    }

    /// <summary>Hears those too who ask for these hosts from one of the addresses: whoever uses an address asks for its gateway first.</summary>
    /// <exception cref="LinuxException">The link is gone.</exception>
    internal void HearQuestionsTo(ValueList<IPAddress> gateways)
    {
        _asked = gateways;
        HearQuestions(_ears);
    }

    /// <summary>Listens no more; until <see cref="Watch"/> is called again.</summary>
    internal void Stop()
    {
        _timer?.Dispose();
        _timer = null;
        IReadOnlyList<Ears> ears = _ears;
        lock (_asking)
        {
            _ears = [];
        }

        Close(ears);
        _watched = null;
    }

    /// <summary>As <see cref="Stop"/>, and forgets who has the addresses: the link has none any more.</summary>
    internal void Forget()
    {
        Stop();
        lock (_lock)
        {
            _contests.Clear();
            _suspected.Clear();
        }
    }

    /// <summary>
    /// Tells the network whose an IPv4 address is, by the socket that listens on this link already: closing one of its own takes the kernel
    /// milliseconds. False when none listens, or the kernel refused it.
    /// </summary>
    internal bool TryAnnounce(Link link, IPAddress address, bool inBothForms)
    {
        if (!HeardOn(link).Contains(address) || _ears.Where(ears => ears.Master is null).Select(ears => ears.Monitor).OfType<ArpConflictMonitor>().FirstOrDefault() is not { } monitor)
        {
            return false;
        }

        try
        {
            monitor.Announce(address, link.MacAddress, inBothForms);
            return true;
        }
        catch (LinuxException)
        {
            return false;
        }
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
    internal void Rechecked(IPAddress address, PhysicalAddress? holder, HolderKind kind = HolderKind.Unknown)
    {
        lock (_lock)
        {
            if (_suspected.Remove(address) && holder is null)
            {
                _cleared[address] = time.GetTimestamp();
            }

            if (holder is null)
            {
                _contests.Remove(address);
            }
            else
            {
                Note(address, holder, kind);
            }
        }
    }

    public void Dispose() => Stop();

    // By ARP all are heard.
    private void HearQuestions(IEnumerable<Ears> ears)
    {
        foreach (NdpConflictMonitor monitor in ears.Select(each => each.Monitor).OfType<NdpConflictMonitor>())
        {
            monitor.HearQuestionsTo(_asked.Where(gateway => !gateway.IsIPv4));
        }
    }

    private void Listen(List<Ears> ears, AddressConflictMonitor monitor, IPAddress[]? asked = null, PhysicalAddress? master = null)
    {
        Ears added = new(monitor, asked ?? [], master);
        ears.Add(added);
        loop.Add(monitor, () => Hear(added));
    }

    private void Close(IEnumerable<Ears> closed)
    {
        foreach (Ears ears in closed)
        {
            loop.Remove(ears.Monitor);
            Hear(ears);
            ears.Monitor.Dispose();
        }
    }

    // On a timer's thread, which an exception would end the process by.
    private void Ask()
    {
        lock (_asking)
        {
            foreach (Ears ears in _ears)
            {
                foreach (IPAddress address in ears.Asked.Where(IsAskingDue))
                {
                    try
                    {
                        ears.Monitor.Ask(address, ears.Master!);
                    }
                    catch (LinuxException)
                    {
                        // The master is down, or has no IPv6, which is told by others. It is asked the next time.
                    }
                }
            }
        }
    }

    private bool IsAskingDue(IPAddress address)
    {
        lock (_lock)
        {
            return !(_cleared.TryGetValue(address, out long cleared) && time.GetElapsedTime(cleared) < AskIntervalWhereSentBack);
        }
    }

    private void Hear(Ears ears)
    {
        bool isNews = false;
        try
        {
            IReadOnlyList<AddressUse> heard = ears.Monitor.Read();
            lock (_lock)
            {
                foreach (AddressUse use in heard)
                {
                    // By ARP the master hears of others only who answers it. Who that is the answer to another question tells.
                    bool isAnswer = ears.Master is not null && use.Address.IsIPv4;
                    isNews |= isAnswer || use.Mac.Equals(_watched?.Mac) ? Suspect(use.Address, use.Mac) : Note(use.Address, use.Mac);
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

    // Once it is known whose voice it is, that holds for a while: the kernel asks for a gateway with this MAC again and again.
    private bool Suspect(IPAddress address, PhysicalAddress mac)
    {
        if (_contests.TryGetValue(address, out Contest? contest) && contest.Holder.Equals(mac))
        {
            return Note(address, contest.Holder, contest.Kind);
        }

        return !(_cleared.TryGetValue(address, out long cleared) && time.GetElapsedTime(cleared) < Cleared) && _suspected.Add(address);
    }

    // Whether something is to be done about it now: who floods the network must not keep the agent busy.
    private bool Note(IPAddress address, PhysicalAddress holder, HolderKind kind = HolderKind.Unknown)
    {
        bool isNew = !_contests.TryGetValue(address, out Contest? contest) || !contest.Holder.Equals(holder);
        if (isNew)
        {
            contest = new Contest(holder, kind) { LastDefended = contest?.LastDefended };
            _contests[address] = contest;
        }

        contest!.LastHeard = time.GetTimestamp();
        return isNew || IsDefenceDue(contest);
    }

    private bool IsDefenceDue(Contest contest) =>
        contest.LastDefended is not { } defended || (contest.LastHeard > defended && time.GetElapsedTime(defended) >= Interval);

    /// <param name="Monitor">What hears.</param>
    /// <param name="Asked">For which addresses it asks.</param>
    /// <param name="Master">The MAC with which it asks; null for those on the macvlan.</param>
    private sealed record Ears(AddressConflictMonitor Monitor, IPAddress[] Asked, PhysicalAddress? Master);

    private sealed class Contest(PhysicalAddress holder, HolderKind kind)
    {
        internal PhysicalAddress Holder => holder;

        internal HolderKind Kind => kind;

        internal long LastHeard { get; set; }

        internal long? LastDefended { get; set; }
    }
}
