using EgressAgent.Linux;
using EgressAgent.Linux.Bpf;
using EgressAgent.Linux.FileDescriptors;
using EgressAgent.Linux.Sockets;

namespace EgressAgent.Engine.Relay;

internal sealed partial class Ingress
{
    private readonly Dictionary<IngressKey, UdpPort> _udpPorts = [];
    private readonly Dictionary<IngressKey, UdpCatchAll> _udpCatchAlls = [];

    private void UpdateUdp(RouteTable routes, List<RelayShortfall> shortfalls)
    {
        foreach (IngressKey place in _udpPorts.Keys.Concat(_udpCatchAlls.Keys).Except(routes.Routes.Keys).ToList())
        {
            CloseUdp(place);
        }

        foreach ((IngressKey place, Route route) in routes.Routes)
        {
            if (!place.IsUdp || _udpPorts.ContainsKey(place) || _udpCatchAlls.ContainsKey(place))
            {
                continue;
            }

            try
            {
                if (place.Port != 0)
                {
                    OpenUdpPort(place);
                }
                else if (_steering is not null)
                {
                    OpenUdpCatchAll(place, _steering);
                }
            }
            catch (LinuxException exception)
            {
                shortfalls.Add(new RelayShortfall(route.Key.Rule, exception.Message));
            }
        }
    }

    // A port belongs to one loop, so that its associations need no lock; ports spread over the loops.
    private void OpenUdpPort(IngressKey place)
    {
        if (_udpCatchAlls.TryGetValue(place with { Port = 0 }, out UdpCatchAll? catchAll))
        {
            catchAll.Shard.Loop.Invoke(() => catchAll.Release(place.Port));
        }

        SocketEndpoint local = InsideOf(place).WithPort(place.Port);
        FileHandle handle = OpenUdpSocket(place, local, withDestination: false);
        var port = new UdpPort(_datapath.Shards[place.Port % _datapath.Shards.Count], local, handle, owner: null);
        _udpPorts.Add(place, port);
        port.Shard.Loop.Invoke(port.Start);
        _steering?.LeaveToOwnSocket(place.Steered);
    }

    private void OpenUdpCatchAll(IngressKey place, PortSteering steering)
    {
        SocketEndpoint inside = InsideOf(place);
        FileHandle handle = OpenUdpSocket(place, inside, withDestination: true);
        var catchAll = new UdpCatchAll(_datapath.Shards[0], steering, inside, _interface, handle);
        _udpCatchAlls.Add(place, catchAll);
        catchAll.Shard.Loop.Invoke(catchAll.Start);
        steering.SetSocket(place.Steered, catchAll.Socket);
        steering.Steer(place.Steered);
    }

    private FileHandle OpenUdpSocket(IngressKey place, SocketEndpoint local, bool withDestination)
    {
        if (TakeKept(place, local) is { } kept)
        {
            return kept;
        }

        FileHandle opened = Enter(() => UdpPort.OpenSocket(local, _interface, withDestination));
        Kept?.Keep(place, opened);
        return opened;
    }

    private void CloseUdp(IngressKey place)
    {
        _steering?.Remove(place.Steered);
        Kept?.Forget(place);
        if (_udpPorts.Remove(place, out UdpPort? port))
        {
            port.Shard.Loop.Invoke(port.Stop);
        }
        else if (_udpCatchAlls.Remove(place, out UdpCatchAll? catchAll))
        {
            catchAll.Shard.Loop.Invoke(catchAll.Stop);
        }
    }
}
