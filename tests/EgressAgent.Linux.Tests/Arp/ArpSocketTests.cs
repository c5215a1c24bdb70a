using System.Diagnostics;
using System.Net;
using EgressAgent.Linux.Arp;
using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Tests.Support;

namespace EgressAgent.Linux.Tests.Arp;

/// <summary>A LAN of two namespaces that a veth pair joins.</summary>
public sealed class ArpSocketTests : IDisposable
{
    private static readonly IPAddress Address = IPAddress.Parse("192.168.12.99");

    private readonly ScratchNetns _router = ScratchNetns.Create();
    private readonly ScratchNetns _lan = ScratchNetns.Create();
    private readonly Link _link;
    private readonly Link _far;

    public ArpSocketTests()
    {
        _router.Netlink.AddVeth(new NewVeth { Name = "net1", PeerName = "lan", PeerNetns = _lan.Namespace });
        _far = _lan.Up("lan");
        _link = _router.Up("net1");
        _lan.AwaitOperational("lan");
        _router.AwaitOperational("net1");
    }

    public void Dispose()
    {
        _lan.Dispose();
        _router.Dispose();
    }

    [Fact]
    public void Holder_of_the_address_is_found_at_once()
    {
        _lan.Netlink.AddAddress(new LinkAddress(_far.Index, Address, 24));
        using ArpSocket socket = Open();

        Assert.Equal(_far.MacAddress, socket.Probe(Address, 1, TimeSpan.FromSeconds(20)));
        Assert.Null(socket.Probe(IPAddress.Parse("192.168.12.98"), 2, TimeSpan.FromMilliseconds(20)));
    }

    [Fact]
    public void Other_who_probes_at_the_same_time_is_found()
    {
        using ArpSocket socket = Open();
        using ArpSocket other = ArpSocket.Open(_lan.Namespace, _far.Index, _far.MacAddress);

        other.SendProbe(Address);

        Assert.Equal(_far.MacAddress, socket.WaitForConflict(Address, TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public void Announcement_renews_what_the_lan_remembers()
    {
        _lan.Netlink.AddAddress(new LinkAddress(_far.Index, IPAddress.Parse("192.168.12.1"), 24));
        _lan.Ip("neigh add 192.168.12.99 lladdr 02:00:5e:00:53:77 nud stale dev lan");
        using ArpSocket socket = Open();

        socket.SendAnnouncement(Address);

        Eventually.True(
            () => _lan.Netlink.GetNeighbours(_far.Index).Any(item => item.Address.Equals(Address) && _link.MacAddress.Equals(item.MacAddress)),
            "the neighbour entry has the new MAC address");
    }

    [Fact]
    public void Packets_on_the_wire_are_what_tcpdump_calls_them()
    {
        using Process tcpdump = Tool.Start(
            "nsenter", $"--net={EgressAgent.Linux.Namespaces.NetworkNamespace.PathOf(_lan.Name)}", "tcpdump", "-i", "lan", "-n", "-c", "2", "-l", "arp");
        try
        {
            while (tcpdump.StandardError.ReadLine() is { } line && !line.StartsWith("listening", StringComparison.Ordinal))
            {
            }

            using ArpSocket socket = Open();
            socket.SendProbe(Address);
            socket.SendAnnouncement(Address);

            string seen = tcpdump.StandardOutput.ReadToEnd();
            Assert.Contains("Request who-has 192.168.12.99 tell 0.0.0.0, length 28", seen, StringComparison.Ordinal);
            Assert.Contains("Request who-has 192.168.12.99 tell 192.168.12.99, length 28", seen, StringComparison.Ordinal);
        }
        finally
        {
            tcpdump.Kill();
        }
    }

    [Fact]
    public void Link_that_is_down_or_missing_is_refused()
    {
        _router.Netlink.SetLinkUp(_link.Index, false);
        using ArpSocket socket = Open();

        Assert.Equal(Errno.ENETDOWN, Assert.Throws<LinuxException>(() => socket.SendProbe(Address)).Errno);
        Assert.Equal(
            Errno.ENODEV,
            Assert.Throws<LinuxException>(() => ArpSocket.Open(_router.Namespace, 4711, _link.MacAddress)).Errno);
    }

    private ArpSocket Open() => ArpSocket.Open(_router.Namespace, _link.Index, _link.MacAddress);
}
