using System.Diagnostics;
using System.Net;
using EgressAgent.Linux.Arp;
using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Tests.Support;

namespace EgressAgent.Linux.Tests.Arp;

public sealed class ArpSocketTests : IDisposable
{
    private static readonly IPAddress Address = IPAddress.Parse("192.168.12.99");

    private readonly ScratchLan _lan = new();

    public void Dispose() => _lan.Dispose();

    [Fact]
    public void Holder_of_the_address_is_found_at_once()
    {
        _lan.Lan.Netlink.AddAddress(new LinkAddress(_lan.Far.Index, Address, 24));
        using ArpSocket socket = Open();

        Assert.Equal(_lan.Far.MacAddress, ArpInquiry.FindHolder(socket, null, Address, isHeld: false, 1, TimeSpan.FromSeconds(20)));
        Assert.Null(ArpInquiry.FindHolder(socket, null, IPAddress.Parse("192.168.12.98"), isHeld: false, 2, TimeSpan.FromMilliseconds(20)));
    }

    [Fact]
    public void Other_who_probes_at_the_same_time_is_found()
    {
        using ArpSocket socket = Open();
        using ArpSocket other = ArpSocket.Open(_lan.Lan.Namespace, _lan.Far.Index, _lan.Far.MacAddress);

        other.SendProbe(Address);

        Assert.Equal(_lan.Far.MacAddress, ArpInquiry.FindHolder(socket, null, Address, isHeld: false, 1, TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public void Announcement_renews_what_the_lan_remembers()
    {
        _lan.Lan.Netlink.AddAddress(new LinkAddress(_lan.Far.Index, IPAddress.Parse("192.168.12.1"), 24));
        _lan.Lan.Ip("neigh add 192.168.12.99 lladdr 02:00:5e:00:53:77 nud stale dev lan");
        using ArpSocket socket = Open();

        socket.SendAnnouncement(Address);

        Eventually.True(
            () => _lan.Lan.Netlink.GetNeighbours(_lan.Far.Index).Any(item => item.Address.Equals(Address) && _lan.Link.MacAddress.Equals(item.MacAddress)),
            "the neighbour entry has the new MAC address");
    }

    [Fact]
    public void Packets_on_the_wire_are_what_tcpdump_calls_them()
    {
        using Process tcpdump = Tool.Start(
            "nsenter", $"--net={EgressAgent.Linux.Namespaces.NetworkNamespace.PathOf(_lan.Lan.Name)}", "tcpdump", "-i", "lan", "-n", "-c", "2", "-l", "arp");
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
        _lan.Router.Netlink.SetLinkUp(_lan.Link.Index, false);
        using ArpSocket socket = Open();

        Assert.Equal(Errno.ENETDOWN, Assert.Throws<LinuxException>(() => socket.SendProbe(Address)).Errno);
        Assert.Equal(
            Errno.ENODEV,
            Assert.Throws<LinuxException>(() => ArpSocket.Open(_lan.Router.Namespace, 4711, _lan.Link.MacAddress)).Errno);
    }

    private ArpSocket Open() => ArpSocket.Open(_lan.Router.Namespace, _lan.Link.Index, _lan.Link.MacAddress);
}
