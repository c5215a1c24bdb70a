using System.Net;
using System.Net.Sockets;
using EgressAgent.Linux.Bpf;
using EgressAgent.Linux.Sockets;
using EgressAgent.Linux.Tests.Support;

namespace EgressAgent.Linux.Tests.Bpf;

public sealed class PortSteeringTests : IDisposable
{
    private static readonly IPEndPoint Served = new(IPAddress.Loopback, 5353);
    private static readonly IPNetwork Everyone = IPNetwork.Parse("0.0.0.0/0");

    private readonly ScratchNetns _netns = ScratchNetns.Create();
    private readonly Socket _server;
    private readonly Socket _client;

    // The runtime's thread for sockets is made by whichever thread makes the first, and inherits its network namespace.
    static PortSteeringTests() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp).Dispose();

    public PortSteeringTests()
    {
        _netns.Up("lo");
        (_server, _client) = (NewSocket(), NewSocket());
        _server.Bind(Served);

        // Of an address of its own, as the kernel looks for its socket too when it is refused.
        _client.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.2"), 0));
    }

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
        _netns.Dispose();
    }

    [Fact]
    public void Port_of_a_socket_of_its_own_is_served_while_one_steering_takes_over_from_another()
    {
        using PortSteering former = Load();
        LeaveServed(former);
        former.Attach();
        Assert.True(Arrives());

        using PortSteering next = Load();
        Assert.True(Arrives());

        LeaveServed(next);
        next.Attach();
        Assert.True(Arrives());

        former.Dispose();
        Assert.True(Arrives());
    }

    [Fact]
    public void Steering_without_entries_refuses_also_what_another_one_leaves_to_a_socket_of_its_own()
    {
        using PortSteering former = Load();
        LeaveServed(former);
        former.Attach();

        using PortSteering empty = Load();
        empty.Admit(Everyone);
        empty.Attach();

        Assert.False(Arrives());
        Assert.Equal(1ul, empty.ReadRefusals());
    }

    private static void LeaveServed(PortSteering steering)
    {
        steering.Admit(Everyone);
        steering.LeaveToOwnSocket(new SteeringKey(isIPv6: false, isUdp: true, (ushort)Served.Port));
    }

    private PortSteering Load()
    {
        LinuxException? unavailable = null;
        PortSteering? steering = _netns.Namespace.Run(() => PortSteering.TryLoad(new SocketEndpoint(Served.Address, 0), null, out unavailable));
        Assert.SkipWhen(steering is null, $"needs sk_lookup (Linux 5.9): {unavailable?.Message}");
        return steering!;
    }

    // Over the loopback it is there, or refused, when it was sent.
    private bool Arrives()
    {
        _client.SendTo([1], Served);
        return _server.Poll(TimeSpan.FromMilliseconds(100), SelectMode.SelectRead) && _server.Receive(new byte[1]) == 1;
    }

    private Socket NewSocket() => _netns.Namespace.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
}
