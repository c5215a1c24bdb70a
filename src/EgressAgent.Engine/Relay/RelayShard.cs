using EgressAgent.Linux;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Relay;

/// <summary>One relay's part on one loop: its flows there, and how they get their sockets.</summary>
internal sealed class RelayShard
{
    private readonly List<Acceptor> _waiting = [];
    private readonly Dictionary<SocketEndpoint, IcmpSender?> _icmpSenders = [];
    private readonly Action _open;
    private SocketEndpoint _wantedFamily;
    private TransportProtocol _wantedProtocol;
    private int _wantedCount;

    internal RelayShard(RouterRelay relay, RelayLoop loop)
    {
        Relay = relay;
        Loop = loop;
        _open = Open;
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
        || Relay.Saturation is not null
        || Connecting.Oldest is not null
        || Established.Oldest is not null
        || HalfClosed.Oldest is not null
        || Associations.Oldest is not null;

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
        ResumeAccepting();
        Relay.EndSaturation();
    }

    /// <summary>Calls the acceptor again when there may be room.</summary>
    internal void WaitForRoom(Acceptor acceptor) => _waiting.Add(acceptor);

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
    }

    /// <summary>
    /// Opens sockets in the router's network namespace. To enter and leave it costs 3 to 5 µs, about as much as to make a
    /// socket, so all the connections that one accept round brought share it.
    /// </summary>
    /// <returns>The descriptors or errors; valid until the next call.</returns>
    internal ReadOnlySpan<IoResult> OpenSockets(in SocketEndpoint family, TransportProtocol protocol, int count)
    {
        _wantedFamily = family;
        _wantedProtocol = protocol;
        _wantedCount = count;
        try
        {
            Relay.RunInNetworkNamespace(_open);
        }
        catch (LinuxException exception)
        {
            Loop.Opened.AsSpan(0, count).Fill(IoResult.Failure(exception.Errno));
        }

        return Loop.Opened.AsSpan(0, count);
    }

    private void Open()
    {
        for (int index = 0; index < _wantedCount; index++)
        {
            Loop.Opened[index] = _wantedProtocol switch
            {
                TransportProtocol.UDP => NativeSocket.OpenUdp(_wantedFamily),
                TransportProtocol.SCTP => NativeSocket.OpenSctp(_wantedFamily),
                _ => NativeSocket.OpenTcp(_wantedFamily),
            };
        }
    }
}
