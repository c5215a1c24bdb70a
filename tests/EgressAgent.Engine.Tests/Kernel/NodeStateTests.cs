using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Linux.Netlink;
using EgressAgent.Model.Planning;
using EgressAgent.Testing;
using Microsoft.Extensions.Time.Testing;

namespace EgressAgent.Engine.Tests.Kernel;

public sealed class NodeStateTests : IDisposable
{
    private static readonly string[] Links = ["ens1", "ens2", "ens3"];

    // What an administrator, a VPN and a routing daemon do to a node; {0} and {1} are links, {2} is a small number.
    private static readonly string[] Edits =
    [
        "link add {0} type veth peer name p{0}", "link delete {0}", "link set {0} up", "link set {0} down", "link set p{0} up", "link set {0} mtu 140{2}",
        "address add 192.168.{2}.1/24 dev {0}", "address delete 192.168.{2}.1/24 dev {0}", "address add 192.168.{2}.2/24 dev {0}",
        "address delete 192.168.{2}.2/24 dev {0}", "address add 192.168.{2}.1/16 dev {0}",
        "address add 2001:db8:{2}::1/64 dev {0} nodad", "address delete 2001:db8:{2}::1/64 dev {0}", "address flush dev {0}",
        "route add 10.{2}.0.0/16 via 192.168.{2}.9 dev {0}", "route replace 10.{2}.0.0/16 via 192.168.{2}.8 dev {0}",
        "route append 10.{2}.0.0/16 via 192.168.{2}.7 dev {0}", "route delete 10.{2}.0.0/16",
        "route add 10.{2}.0.0/16 via 192.168.{2}.9 dev {0} tos 4", "route add 10.9{2}.0.0/16 dev {0} src 192.168.{2}.1",
        "route add default via 192.168.{2}.9 dev {0} metric {2}", "route delete default metric {2}", "route flush dev {0}",
        "route add 10.8.{2}.0/24 nexthop via 192.168.{2}.9 dev {0} nexthop via 192.168.{2}.8 dev {1}", "route delete 10.8.{2}.0/24",
        "-6 route add 2001:db8:f{2}::/48 via 2001:db8:{2}::9 dev {0}", "-6 route replace 2001:db8:f{2}::/48 via 2001:db8:{2}::8 dev {0}",
        "-6 route append 2001:db8:f{2}::/48 via 2001:db8:{2}::7 dev {0}", "-6 route delete 2001:db8:f{2}::/48",
        "route add unreachable 198.18.0.0/16 proto 233 metric 4294967295", "route delete unreachable 198.18.0.0/16",
        "link set {0} down name {1}", "link property add dev {0} altname x{0}{2}", "link add egr-0000000{2} type veth peer name e{2}",
        "address add 198.18.0.{2}/32 dev egr-0000000{2}", "link set egr-0000000{2} up", "link delete egr-0000000{2}",
    ];

    private readonly FakeTimeProvider _time = new();
    private readonly ScratchNamespace _node = ScratchNamespace.Create();
    private readonly RouteNetlink _route;
    private readonly List<string> _concerned = [];
    private readonly NodeState _state;
    private bool _isNews;

    public NodeStateTests()
    {
        _route = RouteNetlink.Open(_node.Namespace);
        _state = Follow((links, isNews) =>
        {
            _concerned.AddRange(links);
            _isNews |= isNews;
        });
    }

    public void Dispose()
    {
        _state.Dispose();
        _route.Dispose();
        _node.Dispose();
    }

    [Fact]
    public void Whatever_happens_is_known_as_if_everything_were_listed_anew()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        List<string> done = [$"seed {seed}"];
        _state.Observe();
        for (int i = 0; i < 300; i++)
        {
            string edit = string.Format(
                null, Edits[random.Next(Edits.Length)], Links[random.Next(Links.Length)], Links[random.Next(Links.Length)], random.Next(1, 4));
            if (Ip(edit))
            {
                done.Add(edit);
            }

            // Of a new IPv6 address the kernel tells a moment later.
            Eventually.True(
                "the same to be known",
                () => Describe(_state) == DescribeAnew(),
                TimeSpan.FromSeconds(5),
                () => string.Join('\n', [.. done, "known:", Describe(_state), "there:", DescribeAnew()]));
        }
    }

    [Fact]
    public void Routers_own_link_is_its_own_news_and_everything_else_the_nodes()
    {
        _state.Observe();

        Ip("link add egr-00000001 type veth peer name e1");
        _state.Drain();
        Assert.Contains("egr-00000001", _concerned);

        // The peer is in the node here, where a router's is not.
        (_isNews, _) = (false, Ip("address add 198.18.0.1/32 dev egr-00000001"));
        _concerned.Clear();
        _state.Drain();
        Assert.Equal(["egr-00000001"], _concerned);
        Assert.False(_isNews);

        Ip("link set lo up");
        _state.Drain();
        Assert.True(_isNews);
    }

    [Fact]
    public void Node_is_told_of_once_it_has_settled_and_less_often_while_it_does_not()
    {
        List<(TimeSpan At, int Links)> told = [];
        DateTimeOffset start = _time.GetUtcNow();
        NodeSettlement settlement = null!;
        using NodeState state = Follow((_, isNews) =>
        {
            if (isNews)
            {
                settlement.Unsettle();
            }
        });
        using (settlement = new NodeSettlement(state, _time, node => told.Add((_time.GetUtcNow() - start, node.Links.Count))))
        {
            settlement.Observe();
            Ip("link add ens1 type veth peer name pens1");
            Ip("link add ens2 type veth peer name pens2");
            state.Drain();
            Advance(49);
            Assert.Empty(told);
            Advance(1);
            Assert.Equal([(TimeSpan.FromMilliseconds(50), 4)], told);

            // What comes to nothing is not told.
            Ip("link add ens3 type veth peer name pens3");
            Ip("link delete ens3");
            state.Drain();
            Advance(5000);
            Assert.Single(told);

            for (int i = 0; i < 100; i++)
            {
                Ip($"link set ens1 mtu {1300 + i}");
                state.Drain();
                Advance(50);
            }

            Assert.InRange(told.Count, 7, 12);

            // Who saw what has passed by now is told what is there.
            int before = told.Count;
            Advance(5000);
            Ip("link add ens3 type veth peer name pens3");
            settlement.Observe();
            Ip("link delete ens3");
            state.Drain();
            Advance(1000);
            Assert.True(told.Count > before);
            Assert.Equal(4, told[^1].Links);
        }
    }

    [Fact]
    public void Foreign_link_that_comes_costs_as_much_beside_three_hundred_routers_as_beside_one()
    {
        IReadOnlyList<string> beside1 = CallsOfAForeignLink(routers: 1);

        IReadOnlyList<string> beside300 = CallsOfAForeignLink(routers: 300);

        Assert.Equal(beside1, beside300);

        // What the kernel tells is read; nothing is listed.
        Assert.Contains("recvfrom", beside1);
        Assert.DoesNotContain("sendto", beside1);
        Assert.Empty(_concerned);
        Assert.True(_isNews);
    }

    private IReadOnlyList<string> CallsOfAForeignLink(int routers)
    {
        string batch = string.Concat(Enumerable.Range(0, routers).Select(i =>
            $"link add egr-{routers:x4}{i:x4} type veth peer name e{routers:x}-{i:x}\naddress add 198.18.{i / 250}.{1 + (i % 250)}/32 dev egr-{routers:x4}{i:x4}\n"));
        Command.Check(["sh", "-c", "printf '%s' \"$2\" | ip -n \"$1\" -batch -", "sh", _node.Name, batch]);
        _state.Observe();
        _concerned.Clear();
        _isNews = false;
        Ip($"link add ens{routers} type veth peer name pens{routers}");
        Ip($"address add 10.{routers % 250}.0.1/24 dev ens{routers}");
        IReadOnlyList<string> calls = SystemCalls.Of(() =>
        {
            _state.Drain();
            _state.Observe();
        });
        Assert.NotNull(_state.Observe().FindLink($"ens{routers}"));
        return calls;
    }

    private NodeState Follow(Action<IReadOnlyList<string>, bool> told) => new(_node.Namespace, _route, _time, told);

    private string DescribeAnew()
    {
        using NodeState fresh = Follow((_, _) => { });
        return Describe(fresh);
    }

    private void Advance(int milliseconds) => _time.Advance(TimeSpan.FromMilliseconds(milliseconds));

    private bool Ip(string arguments) => Command.Run(["ip", "-n", _node.Name, .. arguments.Split(' ')]).ExitCode == 0;

    private static string Describe(NodeState state)
    {
        ObservedNode node = state.Observe();
        NodeEnd[] ends = [.. Enumerable.Range(1, 3).Select(i => state.EndOf($"egr-0000000{i}", "none"))];

        // Of an alternative name the kernel tells only where the link is up.
        return string.Join('\n', node.Links
            .Select(link => link with { Addresses = [.. link.Addresses.OrderBy(address => address.ToString())], AltNames = link.IsUp ? link.AltNames : [] })
            .Select(link => link.ToString())
            .Concat(node.Routes.Select(route => route.ToString()).Order())
            .Concat(ends.Select(end => $"{end.Link?.Name} {end.Link?.IsUp} {Sorted(end.Addresses)} {Sorted(end.Routes)} {Sorted(end.HeldNetworks)}")));
    }

    private static string Sorted<T>(IEnumerable<T> items) => string.Join(' ', items.Select(item => item!.ToString()).Order());
}
