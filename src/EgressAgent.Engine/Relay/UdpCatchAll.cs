using EgressAgent.Linux;
using EgressAgent.Linux.Bpf;
using EgressAgent.Linux.Epoll;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Relay;

/// <summary>
/// The fallback's UDP socket, to which steering brings the first datagram for any port that has no socket. It opens a
/// <see cref="UdpPort"/> for that port, to which the kernel then gives what follows, until its last association ends.
/// </summary>
internal sealed class UdpCatchAll : LoopSource
{
    private readonly Dictionary<ushort, UdpPort> _ports = [];
    private readonly RelayShard _shard;
    private readonly PortSteering _steering;
    private readonly SocketEndpoint _inside;
    private readonly FileHandle _handle;

    internal UdpCatchAll(RelayShard shard, PortSteering steering, SocketEndpoint inside, FileHandle handle)
    {
        _shard = shard;
        _steering = steering;
        _inside = inside;
        _handle = handle;
    }

    internal RelayShard Shard => _shard;

    internal int Socket => _handle.Descriptor;

    /// <exception cref="LinuxException">No memory is left, or no room under fs.epoll.max_user_watches; it has stopped.</exception>
    internal void Start()
    {
        _shard.Loop.Register(this);
        Errno errno = _shard.Loop.Watch(this, 0, Socket, EpollEvents.In);
        if (!errno.IsSuccess)
        {
            Stop();
            throw new LinuxException("watch", $"udp {_inside}", errno);
        }
    }

    internal void Stop()
    {
        foreach (ushort port in _ports.Keys.ToList())
        {
            Release(port);
        }

        _shard.Loop.StopWatching(Socket);
        _shard.Loop.Unregister(this);
        _handle.Dispose();
    }

    /// <summary>Gives the port up: its last association has ended, or a rule takes it.</summary>
    internal void Release(ushort number)
    {
        if (_ports.Remove(number, out UdpPort? port))
        {
            _steering.Remove(PlaceOf(number).Steered);
            port.Stop();
        }
    }

    internal override void OnEvents(EpollEvents events, int side)
    {
        DatagramBatch batch = _shard.Loop.Datagrams;
        IoResult received = batch.Receive(Socket);
        for (int index = 0; !received.IsError && index < received.Value; index++)
        {
            SocketEndpoint dialled = batch.OriginalDestination(index);
            if (TryFind(dialled.Port) is { } port)
            {
                port.Take(batch, index, 1);
            }
        }
    }

    private UdpPort? TryFind(ushort number)
    {
        // A rule whose socket is just being opened has the better right to its port.
        if (number == 0 || _shard.Relay.Table.Redirections.ContainsKey(PlaceOf(number)))
        {
            return null;
        }

        if (_ports.TryGetValue(number, out UdpPort? port))
        {
            return port;
        }

        SocketEndpoint local = _inside.WithPort(number);
        FileHandle? handle = null;
        try
        {
            _shard.Relay.RunInNetworkNamespace(() => handle = UdpPort.OpenSocket(local, withDestination: false));
            port = new UdpPort(_shard, local, handle!, this);
            port.Start();
            _ports.Add(number, port);
            _steering.LeaveToOwnSocket(PlaceOf(number).Steered);
            return port;
        }
        catch (LinuxException exception)
        {
            // The datagram is lost and the next one tries again.
            Release(number);
            if (RelayShortfalls.IsLimit(exception.Errno))
            {
                _shard.Relay.Saturate(exception.Errno);
            }

            return null;
        }
    }

    private IngressKey PlaceOf(ushort number) => new(TransportProtocol.UDP, _inside.IsIPv6, number);
}
