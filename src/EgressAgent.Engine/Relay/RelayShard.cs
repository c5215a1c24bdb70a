using EgressAgent.Linux;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Relay;

/// <summary>One relay's part on one loop: its flows there, and how they get their sockets.</summary>
internal sealed class RelayShard
{
    private readonly List<Acceptor> _waiting = [];
    private readonly Dictionary<SocketEndpoint, IcmpSender?> _icmpSenders = [];
    private readonly List<SocketStock> _stocks = [];
    private readonly HashSet<DialledFlow> _refused = [];
    private long _lastTick;

    internal RelayShard(RouterRelay relay, RelayLoop loop)
    {
        Relay = relay;
        Loop = loop;
        RelayOptions options = relay.Options;
        long frequency = relay.TimeProvider.TimestampFrequency;
        Connecting = new IdleQueue(options.ConnectTimeout, frequency);
        Established = new IdleQueue(options.IdleTimeout, frequency);
        HalfClosed = new IdleQueue(options.HalfClosedTimeout, frequency);
        Associations = new IdleQueue(options.AssociationTimeout, frequency);
    }

    internal RouterRelay Relay { get; }

    internal RelayLoop Loop { get; }

    internal IdleQueue Connecting { get; }

    internal IdleQueue Established { get; }

    internal IdleQueue HalfClosed { get; }

    internal IdleQueue Associations { get; }

    /// <summary>Whether something here ends or goes on by time alone.</summary>
    internal bool NeedsTicks => _waiting.Count > 0
        || Relay.Saturation.IsAny
        || Connecting.Oldest is not null
        || Established.Oldest is not null
        || HalfClosed.Oldest is not null
        || Associations.Oldest is not null
        || _stocks.Exists(stock => !stock.IsEmpty);

    internal IEnumerable<TimedSource> Sources
    {
        get
        {
            foreach (IdleQueue queue in (IdleQueue[])[Connecting, Established, HalfClosed, Associations])
            {
                for (TimedSource? source = queue.Oldest; source is not null; source = source.Newer)
                {
                    yield return source;
                }
            }
        }
    }

    internal void Tick(long now)
    {
        Connecting.Expire(now);
        Established.Expire(now);
        HalfClosed.Expire(now);
        Associations.Expire(now);
        NoteLasting(Established);
        NoteLasting(HalfClosed);
        _lastTick = now;
        _stocks.ForEach(stock => stock.CloseUnused());
        ResumeAccepting();
        Relay.Saturation.Expire();
    }

    /// <summary>Calls the acceptor again when there may be room.</summary>
    internal void WaitForRoom(Acceptor acceptor)
    {
        _waiting.Add(acceptor);
        _stocks.ForEach(stock => stock.Close());
    }

    internal void StopWaiting(Acceptor acceptor) => _waiting.Remove(acceptor);

    internal void ResumeAccepting()
    {
        for (int count = _waiting.Count; count > 0; count--)
        {
            Acceptor acceptor = _waiting[0];
            _waiting.RemoveAt(0);
            acceptor.Resume();
        }
    }

    /// <summary>Takes no associations of these flows, or takes them again.</summary>
    internal void Refuse(IReadOnlySet<DialledFlow> flows, bool isRefused)
    {
        if (isRefused)
        {
            _refused.UnionWith(flows);
        }
        else
        {
            _refused.ExceptWith(flows);
        }
    }

    internal bool Refuses(SocketEndpoint client, SocketEndpoint local) =>
        _refused.Count > 0 && _refused.Contains(new DialledFlow(TransportProtocol.UDP, client, local));

    /// <summary>Counts an association in; when there is no room, that which has been idle for longest gives way.</summary>
    internal bool TryReserveAssociation()
    {
        if (Relay.TryReserveAssociation())
        {
            return true;
        }

        Associations.Oldest?.Cut();
        return Relay.TryReserveAssociation();
    }

    /// <summary>What sends ICMP errors from an inside address; null where the kernel does not let us.</summary>
    internal IcmpSender? IcmpFrom(SocketEndpoint inside)
    {
        if (!_icmpSenders.TryGetValue(inside, out IcmpSender? sender))
        {
            try
            {
                Relay.RunInNetworkNamespace(() => sender = IcmpSender.TryOpen(inside, out Errno _));
            }
            catch (LinuxException)
            {
                // The namespace cannot be entered: as where raw sockets are not allowed.
            }

            _icmpSenders.Add(inside, sender);
        }

        return sender;
    }

    /// <summary>Closes what the shard holds besides its flows.</summary>
    internal void Close()
    {
        foreach (IcmpSender? sender in _icmpSenders.Values)
        {
            sender?.Dispose();
        }

        _stocks.ForEach(stock => stock.Close());
    }

    /// <summary>The shard's sockets of the router's network namespace.</summary>
    /// <param name="protocol">TCP, UDP or SCTP.</param>
    /// <param name="family">An address of the family.</param>
    internal SocketStock StockOf(TransportProtocol protocol, in SocketEndpoint family)
    {
        foreach (SocketStock stock in _stocks)
        {
            if (stock.IsOf(protocol, family))
            {
                return stock;
            }
        }

        var added = new SocketStock(Relay, protocol, family);
        _stocks.Add(added);
        return added;
    }

    /// <summary>Closes the sockets that nobody has taken: the next ones are made as things are then.</summary>
    internal void RenewStocks() => _stocks.ForEach(stock => stock.Close());

    // Those of whom something was heard since the last tick: nobody is passed over, and nobody is asked again and again.
    private void NoteLasting(IdleQueue queue)
    {
        for (TimedSource? source = queue.Newest; source is not null && source.LastActive >= _lastTick; source = source.Older)
        {
            source.OnLasting();
        }
    }
}
