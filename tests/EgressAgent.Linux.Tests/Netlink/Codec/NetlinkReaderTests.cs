using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Netlink.Codec;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Linux.Netlink.Rules;

namespace EgressAgent.Linux.Tests.Netlink.Codec;

public sealed class NetlinkReaderTests
{
    [Fact]
    public void Link_is_read()
    {
        Link link = Read<Link>(Captured.Link, LinkMessage.Read);

        Assert.Equal((4, "net1", "macvlan"), (link.Index, link.Name, link.Kind));
        Assert.Equal((MacvlanMode.Vepa, 1400, 3), (link.MacvlanMode, link.Mtu, link.ParentIndex));
        Assert.Equal(("default/web", PhysicalAddress.Parse("02:00:5e:00:53:01")), (link.Alias, link.MacAddress));
        Assert.Equal(["egress.default.web"], link.AltNames);
        Assert.Equal(OperationalState.Down, link.OperationalState);
        Assert.Equal(LinkFlags.Broadcast | LinkFlags.Multicast, link.Flags);
        Assert.Equal((null, null), (link.MasterIndex, link.ParentNetnsId));
    }

    [Fact]
    public void Addresses_are_read()
    {
        Assert.Equal(
            new LinkAddress(3, IPAddress.Parse("2001:db8::1"), 64)
            {
                Flags = AddressFlags.NoDad | AddressFlags.Permanent | AddressFlags.NoPrefixRoute,
            },
            Read<LinkAddress>(Captured.Address, AddressMessage.Read));
        Assert.Equal(
            new LinkAddress(3, IPAddress.Parse("192.168.12.99"), 24) { Flags = AddressFlags.Permanent, Label = "v0" },
            Read<LinkAddress>(Captured.LabelledAddress, AddressMessage.Read));
    }

    [Fact]
    public void Routes_are_read()
    {
        Assert.Equal(
            new Route(IPNetwork.Parse("0.0.0.0/0")) { Gateway = IPAddress.Parse("192.168.12.1"), OutputLinkIndex = 3 },
            Read<Route>(Captured.DefaultRoute, RouteMessage.Read));
        Assert.Equal(
            new Route(IPNetwork.Parse("10.9.0.0/16")) { Gateway = IPAddress.Parse("192.168.12.2"), OutputLinkIndex = 3, IsMultipath = true },
            Read<Route>(Captured.MultipathRoute, RouteMessage.Read));
    }

    [Fact]
    public void Rule_is_read() =>
        Assert.Equal(
            new PolicyRule(AddressFamily.InterNetwork, 100) { Table = 1000, InputLinkName = "net1", Protocol = RouteProtocol.Unspecified },
            Read<PolicyRule>(Captured.Rule, RuleMessage.Read));

    [Fact]
    public void Flow_is_read()
    {
        ConntrackEntry flow = Read<ConntrackEntry>(Captured.UdpFlow, ConntrackMessage.Read);

        Assert.Equal("17 127.0.0.1:40000 → 127.0.0.1:53", flow.Original.ToString());
        Assert.Equal("17 127.0.0.1:53 → 127.0.0.1:40000", flow.Reply.ToString());
        Assert.Equal((3005985610u, ConntrackStatus.Confirmed, TimeSpan.FromSeconds(29)), (flow.Id, flow.Status, flow.Timeout));
        Assert.Equal((new ConntrackCounters(1, 29), default(ConntrackCounters)), (flow.OriginalCounters, flow.ReplyCounters));
    }

    [Fact]
    public void Refusal_carries_the_kernels_text()
    {
        var messages = new NetlinkMessages(Captured.Refusal);
        Assert.True(messages.MoveNext());

        Assert.Equal(
            new NetlinkResult(Errno.ENETUNREACH, "Nexthop has invalid gateway"),
            NetlinkAck.Read(messages.Header, messages.Payload, default));
    }

    [Fact]
    public void First_fault_sticks()
    {
        // An attribute of type 1 with one byte, then a good one.
        var reader = new NetlinkReader([5, 0, 1, 0, 9, 0, 0, 0, 8, 0, 2, 0, 1, 2, 3, 4]);
        Assert.True(reader.MoveNext());

        Assert.Equal(0u, reader.GetUInt32());

        Assert.Equal("attribute 1 of 1 bytes", reader.Fault);
        Assert.False(reader.MoveNext());
        Assert.Equal(0, reader.GetByte());
        Assert.Equal("attribute 1 of 1 bytes", reader.Fault);
    }

    [Fact]
    public void Malformed_message_is_an_error_with_a_number()
    {
        var error = Assert.Throws<LinuxException>(() => Read<Link>(Captured.Link[..24], LinkMessage.Read));

        Assert.Equal("read netlink message: EBADMSG (Bad message): 8 bytes where a header of 16 is due", error.Message);
    }

    private static T Read<T>(byte[] message, MessageParser<T> parse)
        where T : class
    {
        var reader = new NetlinkReader(message.AsSpan(16));
        T? result = parse(ref reader);
        reader.ThrowIfMalformed();
        return result!;
    }
}
