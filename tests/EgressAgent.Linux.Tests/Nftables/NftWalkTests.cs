using System.Net;
using EgressAgent.Linux.Nftables;
using EgressAgent.Linux.Tests.Support;

namespace EgressAgent.Linux.Tests.Nftables;

public sealed class NftWalkTests : IDisposable
{
    private const string Dropping = "type filter hook forward priority 0; policy drop;";
    private const string Accepting = "type filter hook forward priority 0; policy accept;";

    private static readonly NftPacket First = new(IPAddress.Parse("10.88.0.2"), IPAddress.Parse("198.18.0.2"), "client", "egr-0")
    {
        Protocol = 6,
        DestinationPort = 8080,
    };

    private static readonly NftPacket Answer = new(IPAddress.Parse("198.18.0.2"), IPAddress.Parse("10.88.0.2"), "egr-0", "client")
    {
        Protocol = 6,
        SourcePort = 8080,
        IsAnswer = true,
    };

    private readonly ScratchNetns _netns = ScratchNetns.Create();
    private readonly NftContext _nft;
    private readonly NftConnection _connection;

    public NftWalkTests()
    {
        _nft = NftContext.Open(_netns.Namespace);
        _connection = NftConnection.Open(_netns.Namespace);
    }

    public void Dispose()
    {
        _connection.Dispose();
        _nft.Dispose();
        _netns.Dispose();
    }

    [Theory]
    [InlineData(Dropping, "")]
    [InlineData(Dropping, "ct state established,related accept")]
    [InlineData(Dropping, "ct state { established, related } accept")]
    [InlineData(Dropping, "ct state vmap { established : accept, related : accept, invalid : drop }")]
    [InlineData(Dropping, "ct status dnat accept")]
    [InlineData(Dropping, "oifname \"docker0\" accept; iifname { \"lan0\", \"lan1\" } accept")]
    [InlineData(Dropping, "iifname \"eth*\" accept")]
    [InlineData(Dropping, "ip saddr 10.89.0.0/16 accept; ip saddr != 10.88.0.0/16 accept")]
    [InlineData(Dropping, "ip saddr { 10.89.0.0/16, 10.90.0.1-10.90.0.7 } accept")]
    [InlineData(Dropping, "udp dport 8080 accept; tcp dport { 80, 443 } accept; tcp dport 9000-9100 accept; meta nfproto ipv6 accept")]
    [InlineData(Dropping, "fib daddr type local accept")]
    [InlineData(Dropping, "meta mark 1 drop; limit rate 1/second log prefix \"x\"; counter")]
    [InlineData(Dropping, "jump empty; goto returns")]
    [InlineData(Accepting, "iifname \"client\" drop")]
    [InlineData(Accepting, "iifname \"client\" oifname \"egr-*\" ip daddr 198.18.0.0/16 tcp dport 8080 reject with tcp reset")]
    [InlineData(Accepting, "ct state new reject with icmpx type admin-prohibited")]
    [InlineData(Accepting, "goto drops")]
    public void Packet_that_is_dropped_for_sure(string chain, string rules)
    {
        Load(chain, rules);

        Assert.Equal("inet t forward", Assert.Single(new NftWalk(_connection).FindDrops(First)).ToString());
    }

    [Theory]
    [InlineData(Accepting, "")]
    [InlineData(Accepting, "ct state established drop; oifname \"docker0\" drop; jump returns")]
    [InlineData(Accepting, "meta mark 1 drop")]
    [InlineData(Accepting, "limit rate over 1/second drop")]
    [InlineData(Accepting, "tcp sport 1-1023 drop")]
    [InlineData(Accepting, "ip saddr @changing drop")]
    [InlineData(Dropping, "meta mark 1 accept")]
    [InlineData(Dropping, "ip saddr @changing accept")]
    [InlineData(Dropping, "limit rate 1/second accept")]
    [InlineData(Dropping, "ip ttl 64 accept")]
    [InlineData(Dropping, "iifname . oifname { \"client\" . \"egr-0\" } accept")]
    [InlineData(Dropping, "fib saddr . iif oif exists accept")]
    [InlineData(Dropping, "oifname \"egr-*\" accept")]
    [InlineData(Dropping, "ct state { new, established } accept")]
    [InlineData(Dropping, "ct state vmap { new : jump accepts, established : accept }")]
    [InlineData(Dropping, "ip saddr { 10.88.0.0/16, 10.90.0.1-10.90.0.7 } accept")]
    [InlineData(Dropping, "tcp dport 8000-8100 accept")]
    [InlineData(Dropping, "meta l4proto { tcp, udp } jump accepts")]
    [InlineData(Dropping, "tcp sport > 1023 accept")]
    public void Packet_of_which_that_is_not_sure(string chain, string rules)
    {
        Load(chain, rules);

        Assert.Empty(new NftWalk(_connection).FindDrops(First));
    }

    [Fact]
    public void Answers_are_walked_as_such()
    {
        Load(Dropping, "ct state established,related accept; iifname \"client\" accept");
        Assert.Empty(new NftWalk(_connection).FindDrops(Answer));
        Assert.Empty(new NftWalk(_connection).FindDrops(First));

        Load(Dropping, "iifname \"client\" accept");
        Assert.Single(new NftWalk(_connection).FindDrops(Answer));
        Assert.Empty(new NftWalk(_connection).FindDrops(First));
    }

    [Fact]
    public void What_may_be_led_elsewhere_before_is_not_judged()
    {
        Load(Dropping, "");
        _nft.Run("add table ip n\nadd chain ip n pre { type nat hook prerouting priority -100; }\nadd rule ip n pre tcp dport 8081 dnat to 10.0.0.1");
        Assert.Single(new NftWalk(_connection).FindDrops(First));

        _nft.Run("add rule ip n pre tcp dport 8080 dnat to 10.0.0.1");
        Assert.Empty(new NftWalk(_connection).FindDrops(First));
    }

    [Fact]
    public void State_of_what_may_be_untracked_is_not_known()
    {
        Load(Dropping, "ct state untracked accept");
        Assert.Single(new NftWalk(_connection).FindDrops(First));

        _nft.Run("add table ip n\nadd chain ip n raw { type filter hook prerouting priority raw; }\nadd rule ip n raw ip saddr 10.0.0.0/8 notrack");
        Assert.Empty(new NftWalk(_connection).FindDrops(First));
    }

    [Fact]
    public void Dormant_table_and_chains_of_another_family_drop_nothing()
    {
        _nft.Run($"add table ip d {{ flags dormant; }}\nadd chain ip d forward {{ {Dropping} }}\nadd table ip6 s\nadd chain ip6 s forward {{ {Dropping} }}");
        Assert.Empty(new NftWalk(_connection).FindDrops(First));
        NftPacket other = First with { Source = IPAddress.Parse("fd00::2"), Destination = IPAddress.Parse("fd96:e9e5:a::2") };
        Assert.Equal("ip6 s forward", Assert.Single(new NftWalk(_connection).FindDrops(other)).ToString());

        _nft.Run("add rule ip6 s forward ip6 daddr fd96:e9e5:a::/112 accept");
        Assert.Empty(new NftWalk(_connection).FindDrops(other));
    }

    [Theory]
    [InlineData("ip saddr 10.88.0.0/16 masquerade", true)]
    [InlineData("oifname \"egr-*\" masquerade", true)]
    [InlineData("ip saddr 10.88.0.0/16 ip daddr != 198.18.0.0/16 masquerade", false)]
    [InlineData("ip daddr 198.18.0.0/16 accept; masquerade", false)]
    [InlineData("meta mark 1 masquerade", false)]
    [InlineData("snat to 198.18.0.1", false)]
    public void Packet_that_is_masqueraded_for_sure(string rules, bool isSure)
    {
        _nft.Run($"add table ip n {{ chain post {{ type nat hook postrouting priority 100; {rules}; }}; }}");

        Assert.Equal(isSure ? "ip n post" : null, new NftWalk(_connection).FindMasquerade(First)?.ToString());
    }

    private void Load(string chain, string rules) => _nft.Run(
        $$"""
        table inet t { }
        delete table inet t
        table inet t {
            set changing { type ipv4_addr; flags timeout; elements = { 10.88.0.2 timeout 1h }; }
            chain empty { }
            chain returns { oifname "docker0" accept; return; }
            chain accepts { accept; }
            chain drops { iifname "client" drop; accept; }
            chain forward { {{chain}} {{rules}}; }
        }
        """.Replace(" ; }", " }").Replace(";; }", "; }"));
}
