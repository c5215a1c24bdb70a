using EgressAgent.Linux;
using EgressAgent.Linux.Bpf;
using EgressAgent.Linux.Interop;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Relay;

internal sealed partial class Ingress
{
    private readonly Dictionary<IngressKey, UdpPort> _udpPorts = [];
    private readonly Dictionary<IngressKey, UdpCatchAll> _udpCatchAlls = [];

    private void UpdateUdp(RedirectionTable redirections, List<PlanProblem> shortfalls)
    {
        foreach (IngressKey place in _udpPorts.Keys.Concat(_udpCatchAlls.Keys).Except(redirections.Redirections.Keys).ToList())
        {
            CloseUdp(place);
        }

        foreach ((IngressKey place, Redirection redirection) in redirections.Redirections)
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
                Kept?.Forget(place);
                shortfalls.Add(RelayShortfalls.Of(redirection.Key.Rule, exception));
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
        var port = new UdpPort(_relay.Shards[place.Port % _relay.Shards.Count], local, handle, owner: null);
        port.Shard.Loop.Invoke(port.Start);
        Settle(() => _steering?.LeaveToOwnSocket(place.Steered), otherwise: () => port.Shard.Loop.Invoke(port.Stop));
        _udpPorts.Add(place, port);
    }

    private void OpenUdpCatchAll(IngressKey place, PortSteering steering)
    {
        SocketEndpoint inside = InsideOf(place);
        FileHandle handle = OpenUdpSocket(place, inside, withDestination: true);
        var catchAll = new UdpCatchAll(_relay.Shards[0], steering, inside, handle);
        catchAll.Shard.Loop.Invoke(catchAll.Start);
        Settle(
            () =>
            {
                steering.SetSocket(place.Steered, catchAll.Socket);
                steering.Steer(place.Steered);
            },
            otherwise: () => catchAll.Shard.Loop.Invoke(catchAll.Stop));
        _udpCatchAlls.Add(place, catchAll);
    }

    // What is not steered to is not left open.
    private static void Settle(Action steer, Action otherwise)
    {
        try
        {
            steer();
        }
        catch (LinuxException)
        {
            otherwise();
            throw;
        }
    }

    private FileHandle OpenUdpSocket(IngressKey place, SocketEndpoint local, bool withDestination)
    {
        if (TakeKept(place, local) is { } kept)
        {
            return kept;
        }

        FileHandle opened = Enter(() => UdpPort.OpenSocket(local, withDestination));
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
