using EgressAgent.Linux;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Relay;

/// <summary>
/// A loop's sockets of one router's network namespace, one protocol and one family. To enter and leave the namespace costs 3 to 5 µs,
/// as much as to make several sockets: the faster they are taken, the more are made at a time, and what nobody takes any more is closed.
/// </summary>
internal sealed class SocketStock
{
    // Idle sockets are descriptors that others may want, and to halve what is left of the cost of entering would take as many again.
    private const int MaxBatch = 16;

    private readonly RouterRelay _relay;
    private readonly TransportProtocol _protocol;
    private readonly SocketEndpoint _family;
    private readonly Action _open;
    private readonly Stack<int> _sockets = new(MaxBatch);
    private int _batch = 1;
    private int _wanted;
    private bool _isUsed;
    private Errno _refusal;

    /// <param name="relay">In whose network namespace.</param>
    /// <param name="protocol">TCP, UDP or SCTP.</param>
    /// <param name="family">An address of the family.</param>
    internal SocketStock(RouterRelay relay, TransportProtocol protocol, in SocketEndpoint family)
    {
        _relay = relay;
        _protocol = protocol;
        _family = family;
        _open = Open;
    }

    internal bool IsEmpty => _sockets.Count == 0;

    internal bool IsOf(TransportProtocol protocol, in SocketEndpoint family) => protocol == _protocol && family.IsIPv6 == _family.IsIPv6;

    /// <summary>Sees to it that so many can be taken.</summary>
    /// <returns>Why there are fewer.</returns>
    internal Errno Ensure(int count)
    {
        if (_sockets.Count < count)
        {
            Fill(count);
        }

        return _sockets.Count < count ? _refusal : Errno.Success;
    }

    /// <summary>A fresh socket, of those that are there.</summary>
    internal int Take()
    {
        _isUsed = true;
        return _sockets.Pop();
    }

    /// <summary>Closes what is there when nothing was taken since the last time.</summary>
    internal void CloseUnused()
    {
        if (!_isUsed)
        {
            Close();
        }

        _isUsed = false;
    }

    /// <summary>Accepts a connection. One of the sockets that are there gives way to it where no other descriptor is left.</summary>
    internal IoResult Accept(int listener, out SocketEndpoint peer)
    {
        int seat = _sockets.Pop();
        IoResult accepted = NativeSocket.Accept(listener, ref seat, out peer);
        if (seat >= 0)
        {
            _sockets.Push(seat);
        }

        return accepted;
    }

    internal void Close()
    {
        _batch = 1;
        while (_sockets.TryPop(out int socket))
        {
            NativeSocket.Close(socket);
        }
    }

    private void Fill(int count)
    {
        _wanted = Math.Max(count, _sockets.Count + _batch);
        _batch = Math.Min(2 * _batch, MaxBatch);
        try
        {
            _relay.RunInNetworkNamespace(_open);
        }
        catch (LinuxException exception)
        {
            _refusal = exception.Errno;
        }
    }

    private void Open()
    {
        while (_sockets.Count < _wanted)
        {
            IoResult opened = _protocol switch
            {
                TransportProtocol.UDP => NativeSocket.OpenUdp(_family),
                TransportProtocol.SCTP => NativeSocket.OpenSctp(_family),
                _ => NativeSocket.OpenTcp(_family),
            };
            Errno errno = opened.IsError ? opened.Errno : _relay.MarksSockets ? NativeSocket.SetMark(opened.Value, PacketMarks.OfRelay) : Errno.Success;
            if (!errno.IsSuccess)
            {
                _refusal = errno;
                if (!opened.IsError)
                {
                    NativeSocket.Close(opened.Value);
                }

                return;
            }

            _sockets.Push(opened.Value);
        }
    }
}
