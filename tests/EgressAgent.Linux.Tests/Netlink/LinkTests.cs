using System.Net.NetworkInformation;
using System.Text.Json;
using EgressAgent.Linux.Netlink.Claims;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Tests.Support;

namespace EgressAgent.Linux.Tests.Netlink;

public sealed class LinkTests : IDisposable
{
    private static readonly PhysicalAddress Mac = PhysicalAddress.Parse("02:00:5e:00:53:01");

    private readonly ScratchNetns _node = ScratchNetns.Create();
    private readonly ScratchNetns _router = ScratchNetns.Create();

    public void Dispose()
    {
        _router.Dispose();
        _node.Dispose();
    }

    [Fact]
    public void Macvlan_appears_in_the_target_namespace_with_everything_asked_for()
    {
        (Link parent, _) = _node.AddVeth();

        Assert.True(_node.Netlink.AddMacvlan(new NewMacvlan
        {
            Name = "net1",
            ParentIndex = parent.Index,
            Netns = _router.Namespace,
            Mode = MacvlanMode.Vepa,
            MacAddress = Mac,
            Mtu = 1400,
            Group = 9802,
        }));

        Assert.Null(_node.Netlink.GetLink("net1"));
        Link link = _router.Netlink.GetLink("net1")!;
        Assert.Equal("macvlan", link.Kind);
        Assert.Equal(MacvlanMode.Vepa, link.MacvlanMode);
        Assert.Equal(Mac, link.MacAddress);
        Assert.Equal(1400, link.Mtu);
        Assert.Equal(9802u, link.Group);
        Assert.False(link.IsUp);
        Assert.Equal(parent.Index, link.ParentIndex);
        Assert.Equal(_router.Netlink.GetNetnsId(_node.Namespace), link.ParentNetnsId);

        JsonElement seen = _router.IpJson("link show net1")[0];
        Assert.Equal("02:00:5e:00:53:01", seen.GetProperty("address").GetString());
        Assert.Equal("vepa", seen.GetProperty("linkinfo").GetProperty("info_data").GetProperty("mode").GetString());
    }

    [Fact]
    public void Macvlan_on_a_missing_parent_is_refused_in_the_kernels_words()
    {
        var error = Assert.Throws<LinuxException>(() =>
            _node.Netlink.AddMacvlan(new NewMacvlan { Name = "net1", ParentIndex = 4711, Netns = _router.Namespace }));

        Assert.Equal(Errno.ENODEV, error.Errno);
        Assert.Equal($"add macvlan net1 on link with index 4711 for {_router.Name} in {_node.Name}: ENODEV (No such device)", error.Message);
    }

    [Fact]
    public void Macvlan_mode_changes_in_place()
    {
        (Link parent, _) = _node.AddVeth();
        _node.Netlink.AddMacvlan(new NewMacvlan { Name = "m0", ParentIndex = parent.Index });
        Link link = _node.Netlink.GetLink("m0")!;
        Assert.Equal(MacvlanMode.Bridge, link.MacvlanMode);

        _node.Netlink.SetMacvlanMode(link.Index, MacvlanMode.Private);

        Assert.Equal(MacvlanMode.Private, _node.Netlink.GetLink(link.Index)!.MacvlanMode);
        Assert.Throws<LinuxException>(() => _node.Netlink.SetMacvlanMode(link.Index, MacvlanMode.Passthru));
    }

    [Fact]
    public void Taken_name_is_a_result()
    {
        (Link parent, _) = _node.AddVeth();
        var link = new NewMacvlan { Name = "net1", ParentIndex = parent.Index, Netns = _router.Namespace };

        Assert.True(_node.Netlink.AddMacvlan(link));
        Assert.False(_node.Netlink.AddMacvlan(link));
        Assert.False(_node.Netlink.AddVeth(new NewVeth { Name = "v0", PeerName = "x" }));
        Assert.Null(_node.Netlink.GetLink("x"));
    }

    [Fact]
    public void Veth_spans_two_namespaces()
    {
        Assert.True(_node.Netlink.AddVeth(new NewVeth
        {
            Name = "egr-0",
            PeerName = "eth0",
            PeerNetns = _router.Namespace,
            Mtu = 1450,
            PeerMacAddress = Mac,
            PeerGroup = 9801,
        }));

        Link outer = _node.Netlink.GetLink("egr-0")!;
        Link inner = _router.Netlink.GetLink("eth0")!;
        Assert.Equal((1450, 1450), (outer.Mtu, inner.Mtu));
        Assert.Equal(Mac, inner.MacAddress);
        Assert.Equal((0u, 9801u), (outer.Group, inner.Group));
        Assert.Equal(inner.Index, outer.ParentIndex);
        Assert.Equal(_node.Netlink.GetNetnsId(_router.Namespace), outer.ParentNetnsId);
        Assert.Equal("veth", inner.Kind);
    }

    [Fact]
    public void Link_of_a_namespace_without_a_name_is_found_and_removed_by_the_id_of_the_namespace()
    {
        _node.Netlink.AddVeth(new NewVeth { Name = "egr-0", PeerName = "eth0", PeerNetns = _router.Namespace });
        _router.Netlink.AddVeth(new NewVeth { Name = "v0", PeerName = "v1" });
        int id = _node.Netlink.GetLink("egr-0")!.ParentNetnsId!.Value;

        Link found = _node.Netlink.GetLinkIn(id, "v0")!;

        Assert.Equal(_router.Netlink.GetLink("v0"), found with { AltNames = _router.Netlink.GetLink("v0")!.AltNames });
        Assert.True(_node.Netlink.RemoveLinkIn(id, found.Index));
        Assert.False(_node.Netlink.RemoveLinkIn(id, found.Index));
        Assert.Null(_node.Netlink.GetLinkIn(id, "v0"));
        Assert.Null(_node.Netlink.GetLinkIn(id + 1000, "v0"));
    }

    [Fact]
    public void Up_down_and_carrier_are_seen()
    {
        _node.Netlink.AddVeth(new NewVeth { Name = "v0", PeerName = "v1" });
        Link link = _node.Up("v0");
        Assert.True(link.IsUp);
        Assert.False(link.HasCarrier);

        _node.Up("v1");
        Assert.True(_node.Netlink.GetLink("v0")!.HasCarrier);

        _node.Netlink.SetLinkUp(link.Index, false);
        Assert.False(_node.Netlink.GetLink("v0")!.IsUp);
    }

    [Fact]
    public void Alias_mtu_mac_and_names_change()
    {
        _node.Netlink.AddVeth(new NewVeth { Name = "v0", PeerName = "v1" });
        int index = _node.Netlink.GetLink("v0")!.Index;
        string altName = "egress.default." + new string('x', 100);

        _node.Netlink.SetLinkAlias(index, "router default/web");
        _node.Netlink.SetLinkMtu(index, 1280);
        _node.Netlink.SetLinkGroup(index, 7);
        _node.Netlink.SetLinkMac(index, Mac);
        Assert.True(_node.Netlink.AddLinkAltName(index, altName));
        Assert.False(_node.Netlink.AddLinkAltName(index, altName));
        Assert.True(_node.Netlink.RenameLink(index, "w0"));
        Assert.False(_node.Netlink.RenameLink(index, "v1"));

        Link link = _node.Netlink.GetLink(altName)!;
        Assert.Equal(("w0", "router default/web", 1280, 7u), (link.Name, link.Alias, link.Mtu, link.Group));
        Assert.Equal(Mac, link.MacAddress);
        Assert.Equal([altName], link.AltNames);
        JsonElement seen = _node.IpJson("link show w0")[0];
        Assert.Equal("router default/web", seen.GetProperty("ifalias").GetString());
        Assert.Equal(altName, seen.GetProperty("altnames")[0].GetString());

        _node.Netlink.SetLinkAlias(index, "");
        Assert.Null(_node.Netlink.GetLink(index)!.Alias);
        Assert.True(_node.Netlink.RemoveLinkAltName(index, altName));
        Assert.False(_node.Netlink.RemoveLinkAltName(index, altName));
        Assert.Empty(_node.Netlink.GetLink(index)!.AltNames);
    }

    [Fact]
    public void Claim_that_is_released_leaves_the_link_down_and_nothing_else_is_touched_without_one()
    {
        _node.Netlink.AddVeth(new NewVeth { Name = "v0", PeerName = "v1" });
        _node.Up("v0");
        Assert.False(ClaimedLink.Release(_node.Namespace, "claimed", "v0"));
        Assert.True(_node.Netlink.GetLink("v0")!.IsUp);

        _node.Netlink.AddLinkAltName(_node.Netlink.GetLink("lo")!.Index, "claimed");
        Assert.True(ClaimedLink.Release(_node.Namespace, "claimed", "v0"));

        Assert.False(_node.Netlink.GetLink("v0")!.IsUp);
        Assert.Null(_node.Netlink.GetLink("claimed"));
        _node.Netlink.AddLinkAltName(_node.Netlink.GetLink("lo")!.Index, "claimed");
        Assert.True(ClaimedLink.Release(_node.Namespace, "claimed", "nothing"));
    }

    [Fact]
    public void Removing_twice_says_that_it_was_gone()
    {
        (Link near, Link far) = _node.AddVeth();

        Assert.True(_node.Netlink.RemoveLink(near.Index));
        Assert.False(_node.Netlink.RemoveLink(near.Index));
        Assert.Null(_node.Netlink.GetLink(far.Index));
        Assert.Equal(["lo"], _node.Netlink.GetLinks().Where(link => link.IsLoopback).Select(link => link.Name));
    }

    [Fact]
    public void Bad_name_is_refused_with_the_attribute_that_is_wrong()
    {
        var error = Assert.Throws<LinuxException>(() =>
            _node.Netlink.AddVeth(new NewVeth { Name = "a-name-that-is-too-long", PeerName = "x" }));

        Assert.Equal(Errno.ERANGE, error.Errno);
        Assert.Contains("attribute 3 at byte 32", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_link_cannot_be_changed()
    {
        Assert.Equal(Errno.ENODEV, Assert.Throws<LinuxException>(() => _node.Netlink.SetLinkUp(4711, true)).Errno);
        Assert.Null(_node.Netlink.GetLink(4711));
        Assert.Null(_node.Netlink.GetLink("absent"));
    }
}
