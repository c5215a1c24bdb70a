using EgressAgent.Linux;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Relay;

/// <content>Whether there is room for another flow, where it goes, and what was missing when there was none.</content>
internal sealed partial class RouterRelay
{
    private readonly Func<string?> _portRange;
    private int _connections;
    private int _associations;
    private volatile bool _hasBegun;

    /// <summary>Connections at this moment, those included that are still being made.</summary>
    public int ConnectionCount => Volatile.Read(ref _connections);

    /// <summary>Whether there is a flow, or one has begun since this was asked before.</summary>
    internal bool TakeActivity()
    {
        bool hasBegun = _hasBegun;
        _hasBegun = false;
        return hasBegun || Volatile.Read(ref _connections) > 0 || Volatile.Read(ref _associations) > 0;
    }

    /// <summary>Counts a connection in, if there is room for one.</summary>
    internal bool TryReserveConnection()
    {
        NoteBegun();
        if (Interlocked.Increment(ref _connections) <= Options.MaxConnections)
        {
            return true;
        }

        OnConnectionEnded();
        return false;
    }

    /// <summary>
    /// Where a new connection goes: to the loop that has the fewest, unless that which accepted it has no more than a quarter more. To
    /// hand one over costs a wake-up and two turns of the processor's caches, and short ones come and go.
    /// </summary>
    internal RelayShard LeastLoaded(RelayShard own)
    {
        RelayShard least = own;
        int count = own.Loop.ConnectionCount;
        int fewest = count - (count / 4);
        foreach (RelayShard shard in _shards)
        {
            int others = shard.Loop.ConnectionCount;
            if (shard != own && others < fewest)
            {
                (least, fewest) = (shard, others);
            }
        }

        return least;
    }

    /// <summary>A client has to wait.</summary>
    /// <param name="errno">What there is not; success when the router's own limit is reached.</param>
    internal void Saturate(Errno errno)
    {
        if (errno.IsSuccess)
        {
            Saturation.NoteFull(Options.MaxConnections);
        }
        else
        {
            Saturation.NoteUsedUp(errno);
        }
    }

    /// <summary>Notes, of a connection or association that could not be made, that it was for want of something.</summary>
    /// <param name="bound">What bind(2) to the source address and any port said.</param>
    /// <param name="errno">What was said last.</param>
    /// <param name="source">That address.</param>
    /// <param name="destination">Where it was to go.</param>
    /// <param name="protocol">By which protocol.</param>
    internal void NoteFailure(Errno bound, Errno errno, in SocketEndpoint source, in SocketEndpoint destination, TransportProtocol protocol)
    {
        // connect(2) chooses TCP's port, bind(2) that of others. That the address is not there is said by bind(2) as the former's EADDRNOTAVAIL.
        if (bound == Errno.EADDRINUSE || (bound.IsSuccess && errno == Errno.EADDRNOTAVAIL))
        {
            Saturation.NoteNoPort(source, destination, protocol, _portRange);
        }
        else if (RelayShortfalls.IsLimit(errno))
        {
            NoteRefusal(errno);
        }
    }

    /// <summary>Notes that the kernel had nothing left for a connection or association, which is turned away.</summary>
    internal void NoteRefusal(Errno errno)
    {
        Saturation.NoteRefusal();
        Saturate(errno);
    }

    internal void OnConnectionEnded() => Interlocked.Decrement(ref _connections);

    /// <summary>Counts a UDP association in, if there is room for one.</summary>
    internal bool TryReserveAssociation()
    {
        NoteBegun();
        if (Interlocked.Increment(ref _associations) <= Options.MaxAssociations)
        {
            return true;
        }

        OnAssociationEnded();
        return false;
    }

    internal void OnAssociationEnded() => Interlocked.Decrement(ref _associations);

    // The loops share what it is in: it is written once for all.
    private void NoteBegun()
    {
        if (!_hasBegun)
        {
            _hasBegun = true;
        }
    }
}
