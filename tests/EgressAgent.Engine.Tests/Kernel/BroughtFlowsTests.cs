using System.Globalization;
using System.Net;
using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Relay;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Model;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Tests.Kernel;

// In a real kernel, in namespaces of its own.
public sealed class BroughtFlowsTests : IDisposable
{
    private const string Inside = "198.18.0.2";

    private readonly RouterKey _key = new("default", ScratchNamespace.UniqueSuffix());
    private readonly ScratchNamespace _services = ScratchNamespace.Create();
    private readonly ScratchNamespace _other = ScratchNamespace.Create();
    private readonly ScratchNamespace _router;
    private readonly RelayHost _relays = new();
    private readonly RouteNetlink _route;

    public BroughtFlowsTests()
    {
        _router = ScratchNamespace.Create(RouterNames.Netns(_key));
        _route = RouteNetlink.Open(_services.Namespace);
    }

    public void Dispose()
    {
        _route.Dispose();
        _relays.Dispose();
        _router.Dispose();
        _other.Dispose();
        _services.Dispose();
    }

    [Fact]
    public void Flow_that_was_cut_is_ended_in_its_router_and_no_other()
    {
        Connect(_router);
        AddFlow(_router, 1000, PacketMarks.ByService);
        AddFlow(_router, 1001, PacketMarks.ByService);
        AddFlow(_router, 1002, 0);

        End(1000, 1002);

        Assert.Equal([1001, 1002], PortsIn(_router));
    }

    // That of another agent, which has taken the name.
    [Fact]
    public void Netns_of_the_name_to_which_no_cable_leads_is_left_alone()
    {
        Connect(_other);
        AddFlow(_router, 1000, PacketMarks.ByService);

        End(1000);

        Assert.Equal([1000], PortsIn(_router));
    }

    private void Connect(ScratchNamespace router)
    {
        _route.AddVeth(new NewVeth { Name = RouterNames.NodeLink(_key), PeerName = "eth1", PeerNetns = router.Namespace });
        int cable = _route.GetRequiredLink(RouterNames.NodeLink(_key)).Index;
        _route.SetLinkUp(cable, up: true);
        _route.AddRoute(new Route(new IPNetwork(IPAddress.Parse(Inside), 32)) { OutputLinkIndex = cable, Scope = RouteScope.Link });
    }

    private void End(params int[] clientPorts)
    {
        var brought = new BroughtFlows(_relays);
        brought.Cut(
            [
                .. clientPorts.Select(port => new ConntrackEntry(
                    new ConntrackTuple(6, IPAddress.Parse("192.0.2.1"), IPAddress.Parse("10.43.0.5")) { SourcePort = (ushort)port, DestinationPort = 80 },
                    new ConntrackTuple(6, IPAddress.Parse(Inside), IPAddress.Parse("192.0.2.1")) { SourcePort = 8080, DestinationPort = (ushort)port })),
            ],
            _route);
        brought.End(_route);
    }

    private static void AddFlow(ScratchNamespace netns, int clientPort, uint mark) => netns.Conntrack(
        "-I", "-p", "tcp", "-s", "192.0.2.1", "-d", Inside, "--sport", clientPort.ToString(CultureInfo.InvariantCulture), "--dport", "8080",
        "--state", "ESTABLISHED", "-u", "SEEN_REPLY,ASSURED", "-t", "100", "--mark", mark.ToString(CultureInfo.InvariantCulture));

    private static int[] PortsIn(ScratchNamespace netns)
    {
        using ConntrackTable table = ConntrackTable.Open(netns.Namespace);
        return [.. table.GetFlows().Select(flow => (int)flow.Original.SourcePort!).Order()];
    }
}
