using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Linux;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Tests.Kernel;

/// <summary>What routers rely on in a kernel. It is run against the real one and against the fake, so that tests on the fake mean something.</summary>
public abstract class KernelContract : IDisposable
{
    // As the reconciler: a round, and some to mend what steps took along.
    private const int MaxRounds = 3;

    private static readonly EgressRouterSpec Spec = new()
    {
        Addresses = [Reserved("192.168.12.99/24"), Reserved("2001:db8:12::99/64")],
        Rules = [Example.Rule(8080, "203.0.113.26", 80), Example.Rule(8081, "2001:db8:ff::26", 80)],
    };

    private readonly KernelLab _lab;
    private readonly IKernelRouter _router;

    protected KernelContract(KernelLab lab)
    {
        _lab = lab;
        _router = lab.Kernel.Open(lab.Key);
    }

    public void Dispose()
    {
        try
        {
            RouterRemoval.Run(_lab.Kernel, _lab.Key, _ => { });
        }
        finally
        {
            _router.Dispose();
            _lab.Dispose();
            GC.SuppressFinalize(this);
        }
    }

    [Fact]
    public void Node_is_seen_with_its_links_addresses_and_default_routes()
    {
        ObservedNode node = _lab.Kernel.ObserveNode();

        NodeLink master = node.FindLink(KernelLab.Master)!;
        Assert.Equal((true, 1500), (master.IsUp, master.Mtu));
        Assert.Contains(Example.Cidr("192.168.12.10/24"), master.Addresses);
        Assert.True(node.Owns(IPAddress.Parse("2001:db8:12::10")));
        Assert.Equal(IPAddress.Parse("192.168.12.1"), Assert.Single(node.DefaultRoutes(System.Net.Sockets.AddressFamily.InterNetwork)).Gateway);
        Assert.Equal(IPAddress.Parse("2001:db8:12::1"), Assert.Single(node.DefaultRoutes(System.Net.Sockets.AddressFamily.InterNetworkV6)).Gateway);
    }

    [Fact]
    public void Router_that_was_never_built_is_nothing()
    {
        Assert.True(_router.Observe().IsNothing);
        Assert.DoesNotContain(_lab.Key, _lab.Kernel.ListRouters());
    }

    [Fact]
    public void Built_router_is_seen_as_exactly_what_was_desired()
    {
        DesiredRouter desired = Build(Spec);

        ObservedRouter observed = _router.Observe();
        Assert.Empty(StepsTo(desired, observed));
        Assert.Equal(desired.Redirect, observed.Redirect);
        Assert.Equal(Sorted(desired.InsideAddresses.Concat(desired.ReservedAddresses)), Sorted(observed.Addresses));
        Assert.Equal(Sorted(desired.Rules), Sorted(observed.Rules));
        Assert.Contains(_lab.Key, _lab.Kernel.ListRouters());
    }

    [Fact]
    public void Router_of_its_own_is_no_interface_of_the_node()
    {
        ObservedNode before = _lab.Kernel.ObserveNode();

        Build(Spec);

        Assert.Equal(before.Links.Select(link => link.Name), _lab.Kernel.ObserveNode().Links.Select(link => link.Name));
    }

    [Fact]
    public void Every_step_may_be_taken_twice()
    {
        DesiredRouter desired = Desired(Spec);
        for (int round = 0; round < MaxRounds; round++)
        {
            foreach (RouterStep step in RouterDiff.Build(desired, _router.Observe(), PriorHolderCheck.Skip))
            {
                _router.Apply(step);
                _router.Apply(step);
            }
        }

        Assert.Empty(StepsTo(desired, _router.Observe()));
    }

    [Fact]
    public void Macvlan_of_a_cluster_is_behind_the_fence_as_soon_as_it_is_there()
    {
        DesiredRouter desired = Desired(Spec with { Failover = FailoverMode.Cluster });
        bool wasThere = false;
        foreach (RouterStep step in RouterDiff.Build(desired, _router.Observe(), PriorHolderCheck.Skip))
        {
            _router.Apply(step);
            ObservedMacvlan? macvlan = _router.Observe().Macvlan;
            wasThere |= macvlan is not null;
            Assert.True(macvlan is null or { IsFenced: true }, $"after: {step}");
        }

        Assert.True(wasThere);
    }

    [Fact]
    public void Removal_leaves_the_node_as_it_was()
    {
        string[] before = [.. _lab.NodeState()];
        Build(Spec with { Rules = [Example.Rule(22, "192.168.12.10", 22)] });

        RouterRemoval.Run(_router, _lab.Key, _ => { });

        Assert.True(_router.Observe().IsNothing);
        Assert.DoesNotContain(_lab.Key, _lab.Kernel.ListRouters());
        Assert.Equal(before, _lab.NodeState());
        RouterRemoval.Run(_router, _lab.Key, step => Assert.Fail($"nothing was left, and yet: {step}"));
    }

    public static TheoryData<string> Edits => [.. EditedSpecs.Keys];

    private static readonly Dictionary<string, EgressRouterSpec> EditedSpecs = new()
    {
        ["another address"] = Spec with { Addresses = [Reserved("192.168.12.98/24")], Rules = [] },
        ["addresses in another order"] = Spec with { Addresses = [Reserved("192.168.12.98/24"), Reserved("192.168.12.99/24"), Reserved("2001:db8:12::99/64")] },
        ["IPv4 alone"] = Spec with { Addresses = [Reserved("192.168.12.99/24")], Rules = [Example.Rule(8080, "203.0.113.26", 80)] },
        ["IPv6 alone"] = Spec with { Addresses = [Reserved("2001:db8:12::99/64")], Rules = [Example.Rule(8081, "2001:db8:ff::26", 80)] },
        ["single host with a gateway elsewhere"] = Spec with { Addresses = [Reserved("203.0.113.5/32", "192.168.12.1")], Rules = [] },
        ["another prefix length"] = Spec with { Addresses = [Reserved("192.168.12.99/25"), Reserved("2001:db8:12::99/128", "2001:db8:12::1")] },
        ["link-local gateway"] = Spec with { Addresses = [Reserved("2001:db8:12::99/64", "fe80::1")], Rules = [] },
        ["destination on the node"] = Spec with { Rules = [Example.Rule(22, "192.168.12.10", 22), Example.Rule(23, "2001:db8:12::10", 22)] },
        ["fallback"] = Spec with { FallbackIP = IPAddress.Parse("203.0.113.77") },
        ["mode in place"] = Spec with { MacvlanMode = MacvlanMode.Private },
        ["mode that is made anew"] = Spec with { MacvlanMode = MacvlanMode.Passthru, PassthruTakesTheNode = true },
        ["MAC"] = Spec with { MacAddress = PhysicalAddress.Parse("02-11-22-33-44-55") },
        ["relay"] = Spec with { Datapath = DatapathKind.Relay },
        ["fail-over in a cluster"] = Spec with { Failover = FailoverMode.Cluster },
        ["clients"] = Spec with { Clients = new ClientsSpec(IncludesNode: false, [IPNetwork.Parse("10.0.0.0/8")]) },
    };

    [Theory]
    [MemberData(nameof(Edits))]
    public void Edit_and_its_reversal_converge(string edit)
    {
        Build(Spec);

        Build(EditedSpecs[edit]);
        Build(Spec);
    }

    [Fact]
    public void Router_moves_to_another_master()
    {
        _lab.AddNodeLink("ens4");
        Build(Spec);

        DesiredRouter desired = Build(Spec with { Master = "ens4" });

        Assert.Equal(desired.Macvlan.MasterIndex, _router.Observe().Macvlan!.MasterIndex);
    }

    public static TheoryData<string> Drifts => [.. DriftActions.Keys];

    private static readonly Dictionary<string, Action<KernelLab, DesiredRouter>> DriftActions = new()
    {
        ["netns deleted"] = (lab, _) => lab.DeleteNetns(),
        ["macvlan deleted"] = (lab, _) => lab.DeleteLink(NetworkSide.Router, "net1"),
        ["macvlan down"] = (lab, _) => lab.SetLink(NetworkSide.Router, "net1", up: false),
        ["fence deleted"] = (lab, _) => lab.DeleteFence(),
        ["macvlan MTU"] = (lab, _) => lab.SetMtu(NetworkSide.Router, "net1", 1400),
        ["veth deleted inside"] = (lab, _) => lab.DeleteLink(NetworkSide.Router, "eth0"),
        ["veth deleted on the node"] = (lab, _) => lab.DeleteLink(NetworkSide.Node, lab.NodeLink),
        ["veth down inside"] = (lab, _) => lab.SetLink(NetworkSide.Router, "eth0", up: false),
        ["veth down on the node"] = (lab, _) => lab.SetLink(NetworkSide.Node, lab.NodeLink, up: false),
        ["veth MTU"] = (lab, _) => lab.SetMtu(NetworkSide.Node, lab.NodeLink, 1400),
        ["veth's group"] = (lab, _) => lab.SetGroup(NetworkSide.Router, "eth0", 0),
        ["macvlan's group"] = (lab, _) => lab.SetGroup(NetworkSide.Router, "net1", LinkGroups.Inside),
        ["loopback down"] = (lab, _) => lab.SetLink(NetworkSide.Router, "lo", up: false),
        ["reserved address deleted"] = (lab, _) => lab.DeleteAddress(NetworkSide.Router, "net1", "192.168.12.99/24"),
        ["reserved IPv6 address deleted"] = (lab, _) => lab.DeleteAddress(NetworkSide.Router, "net1", "2001:db8:12::99/64"),
        ["inside address deleted"] = (lab, _) => lab.DeleteAddress(NetworkSide.Router, "eth0", "198.18.0.2/16"),
        ["node's inside address deleted"] = (lab, _) => lab.DeleteAddress(NetworkSide.Node, lab.NodeLink, "198.18.0.1/32"),
        ["rule added"] = (lab, _) => lab.AddRule(priority: 50, table: 254),
        ["forwarding off"] = (lab, _) => lab.SetSysctl("net/ipv4/ip_forward", "0"),
        ["reverse path filter of an interface"] = (lab, _) => lab.SetSysctl("net/ipv4/conf/net1/rp_filter", "1"),
        ["IPv6 forwarding off"] = (lab, _) => lab.SetSysctl("net/ipv6/conf/all/forwarding", "0"),
        ["IPv6 off"] = (lab, _) => lab.SetSysctl("net/ipv6/conf/all/disable_ipv6", "1"),
        ["table changed"] = (lab, _) => lab.TouchRedirect(),
        ["every route deleted"] = (lab, desired) => ForEach(desired.Routes.Reverse(), lab.DeleteRoute),
        ["every rule deleted"] = (lab, desired) => ForEach(desired.Rules, lab.DeleteRule),
    };

    [Theory]
    [MemberData(nameof(Drifts))]
    public void Drift_is_seen_and_repaired(string drift)
    {
        DesiredRouter desired = Build(Spec with { Failover = FailoverMode.Cluster });

        DriftActions[drift](_lab, desired);

        Assert.NotEmpty(StepsTo(desired, _router.Observe()));
        Converge(desired);
    }

    public static TheoryData<string> Additions => [.. AdditionActions.Keys];

    private static readonly Dictionary<string, Action<KernelLab, DesiredRouter>> AdditionActions = new()
    {
        ["address added"] = (lab, _) => lab.AddAddress(NetworkSide.Router, "net1", "192.168.12.55/24"),
        ["IPv6 address added"] = (lab, _) => lab.AddAddress(NetworkSide.Router, "net1", "2001:db8:12::55/64"),
        ["address added on the node's end"] = (lab, _) => lab.AddAddress(NetworkSide.Node, lab.NodeLink, "10.9.9.9/24"),
        ["route added"] = (lab, _) => lab.AddRoute(NetworkSide.Router, "10.0.0.0/8", "192.168.12.254", "net1", metric: 0),
        ["default route added with another metric"] = (lab, _) => lab.AddRoute(NetworkSide.Router, "0.0.0.0/0", "192.168.12.254", "net1", metric: 50),
        ["preferred IPv6 default route added"] = (lab, _) => lab.AddRoute(NetworkSide.Router, "::/0", "2001:db8:12::254", "net1", metric: 50),
        ["route to a host added"] = (lab, _) => lab.AddRoute(NetworkSide.Router, "203.0.113.9/32", "192.168.12.254", "net1", metric: 0),
        ["route over the node's end added"] = (lab, _) => lab.AddRoute(NetworkSide.Node, "203.0.113.0/24", "198.18.0.2", lab.NodeLink, metric: 0),
    };

    [Theory]
    [MemberData(nameof(Additions))]
    public void What_an_administrator_adds_is_let_be_also_by_the_next_agent(string addition)
    {
        DesiredRouter desired = Build(Spec);

        AdditionActions[addition](_lab, desired);

        Assert.Empty(StepsTo(desired, _router.Observe()));
        using IKernelRouter next = _lab.Kernel.Open(_lab.Key);
        Assert.DoesNotContain(RouterDiff.Build(desired, next.Observe(), PriorHolderCheck.Skip), step => step is RemoveAddress or RemoveRoute or SetRoute or ClaimAddress);
    }

    [Fact]
    public void Every_single_route_that_goes_is_seen_and_repaired()
    {
        DesiredRouter desired = Build(Spec with { Rules = [Example.Rule(22, "192.168.12.10", 22), Example.Rule(23, "2001:db8:12::10", 22)] });
        foreach (RouteEntry route in desired.Routes)
        {
            _lab.DeleteRoute(route);

            RouterStep step = Assert.Single(StepsTo(desired, _router.Observe()));
            Assert.Equal(new SetRoute(route), step);
            _router.Apply(step);
        }
    }

    [Fact]
    public void New_agent_knows_everything_but_the_redirect_and_whether_the_network_was_told()
    {
        DesiredRouter desired = Build(Spec);

        using IKernelRouter next = _lab.Kernel.Open(_lab.Key);

        IEnumerable<RouterStep> announcements = desired.ReservedAddresses.Select(entry => new Announce(entry.Address.Address));
        var hear = new HearOthers([.. desired.ReservedAddresses.Select(entry => entry.Address.Address)], PriorHolderCheck.Skip);
        var ask = new AskGateways(desired.Gateways.ToValueList());
        Assert.Equal([new ApplyRedirect(desired.Redirect), hear, .. announcements, ask], RouterDiff.Build(desired, next.Observe(), PriorHolderCheck.Skip));
    }

    [Fact]
    public void Route_over_a_link_that_is_down_is_refused()
    {
        DesiredRouter desired = Build(Spec);
        _lab.SetLink(NetworkSide.Router, "net1", up: false);

        var refusal = Assert.Throws<LinuxException>(() => _router.Apply(new SetRoute(desired.Routes.First(route => route.Link == "net1"))));

        Assert.Equal(Errno.ENETDOWN, refusal.Errno);
    }

    [Fact]
    public void Gateway_that_is_on_no_link_is_refused()
    {
        Build(Spec);
        var route = new RouteEntry(NetworkSide.Router, IPNetwork.Parse("10.0.0.0/8"), IPAddress.Parse("10.99.0.1"), "net1");

        var refusal = Assert.Throws<LinuxException>(() => _router.Apply(new SetRoute(route)));

        Assert.Equal(Errno.ENETUNREACH, refusal.Errno);
    }

    [Fact]
    public void Macvlan_on_a_master_that_is_gone_is_refused()
    {
        DesiredRouter desired = Build(Spec);
        _router.Apply(new RemoveMacvlan("for the test"));

        var refusal = Assert.Throws<LinuxException>(() => _router.Apply(new CreateMacvlan(desired.Macvlan with { MasterIndex = 9999 })));

        Assert.Equal(Errno.ENODEV, refusal.Errno);
        Assert.Null(_router.Observe().Macvlan);
    }

    [Fact]
    public void Macvlan_does_not_enter_passthru_while_it_lives()
    {
        DesiredRouter desired = Build(Spec);

        var refusal = Assert.Throws<LinuxException>(() => _router.Apply(new ConfigureMacvlan(desired.Macvlan with { Mode = MacvlanMode.Passthru })));

        Assert.Equal(Errno.EINVAL, refusal.Errno);
    }

    [Fact]
    public void Master_that_goes_takes_the_macvlan_along()
    {
        _lab.AddNodeLink("ens4");
        Build(Spec with { Master = "ens4" });

        _lab.DeleteLink(NetworkSide.Node, "ens4");

        Assert.Null(_router.Observe().Macvlan);
    }

    [Fact]
    public void Address_that_a_neighbouring_router_holds_is_a_conflict_that_names_it()
    {
        DesiredRouter first = Build(Spec);
        var key = new RouterKey(_lab.Key.Namespace, _lab.Key.Name + "-b");
        using IKernelRouter second = _lab.Kernel.Open(key);
        try
        {
            DesiredRouter desired = Desired(Spec, key, "198.18.0.3/16", "fd96:e9e5:a::3/112");
            var conflict = Assert.Throws<AddressConflictException>(() =>
            {
                foreach (RouterStep step in RouterDiff.Build(desired, second.Observe(), PriorHolderCheck.Probe))
                {
                    second.Apply(step);
                }
            });

            Assert.Equal((IPAddress.Parse("192.168.12.99"), first.Macvlan.Mac), (conflict.Address, conflict.Holder));
        }
        finally
        {
            RouterRemoval.Run(second, key, _ => { });
        }
    }

    [Fact]
    public void Changes_are_told()
    {
        DesiredRouter desired = Build(Spec);
        using var told = new ManualResetEventSlim();
        _lab.Kernel.RouterChanged += key =>
        {
            if (key == _lab.Key)
            {
                told.Set();
            }
        };

        _lab.DeleteRule(desired.Rules[0]);

        Assert.True(told.Wait(TimeSpan.FromSeconds(15), TestContext.Current.CancellationToken));
    }

    private static AddressSpec Reserved(string address, string? gateway = null) =>
        new(Example.Cidr(address), gateway is null ? null : IPAddress.Parse(gateway));

    private DesiredRouter Desired(EgressRouterSpec spec) => Desired(spec, _lab.Key, "198.18.0.2/16", "fd96:e9e5:a::2/112");

    private DesiredRouter Desired(EgressRouterSpec spec, RouterKey key, params string[] inside)
    {
        ValueList<InterfaceAddress> addresses =
            [.. inside.Select(Example.Cidr).Where(address => spec.Addresses.Any(own => own.Address.Family == address.Family))];
        var allocation = new RouterAllocation(addresses, InsideAddressAllocator.DeriveMac(Example.MachineId, key));
        RouterPlan plan = RouterPlanner.Plan(key, spec, allocation, _lab.Kernel.ObserveNode(), AgentConfiguration.Default);
        Assert.Null(plan.WaitingFor);
        return plan.Desired!;
    }

    private DesiredRouter Build(EgressRouterSpec spec)
    {
        DesiredRouter desired = Desired(spec);
        Converge(desired);
        return desired;
    }

    // But for what it repeats as time goes by.
    private static IEnumerable<RouterStep> StepsTo(DesiredRouter desired, ObservedRouter observed) =>
        RouterDiff.Build(desired, observed, PriorHolderCheck.Skip).Where(step => step is not Announce);

    private void Converge(DesiredRouter desired)
    {
        IReadOnlyList<RouterStep> steps = RouterDiff.Build(desired, _router.Observe(), PriorHolderCheck.Skip);
        for (int round = 0; steps.Count > 0; round++)
        {
            Assert.True(round < MaxRounds, $"after {MaxRounds} rounds there is still to do: {string.Join("; ", steps)}");
            foreach (RouterStep step in steps)
            {
                _router.Apply(step);
            }

            steps = RouterDiff.Build(desired, _router.Observe(), PriorHolderCheck.Skip);
        }
    }

    private static IEnumerable<string> Sorted<T>(IEnumerable<T> entries) =>
        entries.Select(entry => entry!.ToString()!).Order(StringComparer.Ordinal);

    private static void ForEach<T>(IEnumerable<T> items, Action<T> action)
    {
        foreach (T item in items)
        {
            action(item);
        }
    }
}
