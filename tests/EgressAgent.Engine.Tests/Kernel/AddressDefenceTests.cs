using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Testing;
using Microsoft.Extensions.Time.Testing;

namespace EgressAgent.Engine.Tests.Kernel;

public sealed class AddressDefenceTests : IDisposable
{
    private static readonly RouterKey Key = new("default", "web");

    private readonly ScratchNamespace _scratch = ScratchNamespace.Create();
    private readonly FakeTimeProvider _time = new();
    private readonly RouteNetlink _route;
    private readonly ChangeMonitor _monitor;
    private readonly AddressDefence _defence;

    public AddressDefenceTests()
    {
        Command.Check("ip", "-n", _scratch.Name, "link", "add", "net1", "type", "veth", "peer", "name", "lan");
        Command.Check("ip", "-n", _scratch.Name, "link", "set", "net1", "up");
        _route = RouteNetlink.Open(_scratch.Namespace);
        _monitor = new ChangeMonitor(_scratch.Namespace, _route, TimeProvider.System, _ => { }, _ => { }, (_, _) => { });
        _defence = new AddressDefence(_monitor.Register(Key), _monitor.Loop, _time);
    }

    public void Dispose()
    {
        _defence.Dispose();
        _monitor.Dispose();
        _route.Dispose();
        _scratch.Dispose();
    }

    // The kernel closes a packet socket only after an RCU grace period, which is longer than all else that a pass does.
    [Fact]
    public void What_is_listened_for_already_costs_no_new_socket()
    {
        Watch("192.168.12.99");
        string before = PacketSockets();
        Assert.NotEmpty(before);

        Watch("192.168.12.99");
        Assert.Equal(before, PacketSockets());

        Watch("192.168.12.99", "192.168.12.98");
        Assert.NotEqual(before, PacketSockets());

        Watch();
        Assert.Empty(PacketSockets());
    }

    [Fact]
    public void Address_is_defended_once_in_ten_seconds_and_asked_for_when_the_other_is_silent()
    {
        IPAddress address = IPAddress.Parse("192.168.12.99");
        PhysicalAddress other = PhysicalAddress.Parse("02-00-00-00-00-01");
        _defence.Rechecked(address, other);
        Assert.Equal((true, false), Due());

        _defence.Defended(address);
        Assert.Equal((false, false), Due());

        _time.Advance(TimeSpan.FromSeconds(9));
        _defence.Rechecked(address, other);
        Assert.Equal((false, false), Due());

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((true, false), Due());

        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal((true, true), Due());
        _defence.Rechecked(address, holder: null);
        Assert.Empty(_defence.Contested);

        (bool IsDefenceDue, bool IsRecheckDue) Due()
        {
            ContestedAddress contest = Assert.Single(_defence.Contested);
            return (contest.IsDefenceDue, contest.IsRecheckDue);
        }
    }

    private void Watch(params string[] addresses)
    {
        Link link = Assert.Single(_route.GetLinks(), link => link.Name == "net1");
        _defence.Watch(_scratch.Namespace, link, _scratch.Namespace, master: null, addresses.Select(IPAddress.Parse).ToValueList(), isAsking: false);
    }

    // The last column of each line below the heading is the socket's inode.
    private string PacketSockets() => string.Join(
        ' ', Command.Check("ip", "netns", "exec", _scratch.Name, "cat", "/proc/net/packet").Split('\n').Skip(1).Where(line => line != "").Select(line => line.Split(' ')[^1]));
}
