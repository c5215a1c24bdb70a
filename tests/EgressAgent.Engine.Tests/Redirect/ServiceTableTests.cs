using System.Net;
using EgressAgent.Engine.Redirect;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Linux;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Tests.Redirect;

// The table in a real kernel, in a namespace of its own.
public sealed class ServiceTableTests : IDisposable
{
    private static readonly IPAddress Lost = IPAddress.Parse("198.18.0.2");
    private static readonly IPAddress Available = IPAddress.Parse("198.18.0.3");

    private readonly ScratchNamespace _scratch = ScratchNamespace.Create();
    private readonly ConntrackTable _flows;
    private readonly ServiceTable _table = new();

    public ServiceTableTests() => _flows = ConntrackTable.Open(_scratch.Namespace);

    public void Dispose()
    {
        _flows.Dispose();
        _scratch.Dispose();
    }

    [Fact]
    public void Flows_of_a_router_that_is_lost_are_cut_once_it_is_behind_the_Service_no_more()
    {
        _table.Apply(Plan(new ServiceTarget(Available, true), new ServiceTarget(Lost, false)), _scratch.Namespace);
        AddAnsweredFlow();
        _table.Apply(Plan(new ServiceTarget(Available, true), new ServiceTarget(Lost, false)), _scratch.Namespace);
        Assert.Single(_flows.GetFlows());

        _table.Apply(Plan(new ServiceTarget(Available, true)), _scratch.Namespace);

        Assert.Empty(_flows.GetFlows());
    }

    [Fact]
    public void Sweep_that_failed_is_done_again()
    {
        _table.Apply(Plan(new ServiceTarget(Lost, true)), _scratch.Namespace);
        AddAnsweredFlow();
        ServicePlan plan = Plan(new ServiceTarget(Available, true));
        Assert.Throws<LinuxException>(() => _table.Apply(plan, _scratch.Namespace, (_, _) => throw new LinuxException("open", "netns", Errno.EMFILE)));

        _table.Apply(plan, _scratch.Namespace);

        Assert.Empty(_flows.GetFlows());
    }

    private void AddAnsweredFlow()
    {
        _scratch.Conntrack(
            "-I", "-p", "tcp", "-s", "192.0.2.1", "-d", "10.43.0.5", "--sport", "1000", "--dport", "80", "--dst-nat", $"{Lost}:8080",
            "--state", "ESTABLISHED", "-u", "SEEN_REPLY,ASSURED", "-t", "100");
        ConntrackEntry flow = Assert.Single(_flows.GetFlows());
        Assert.Equal((Lost, (ushort?)8080, true), (flow.Reply.Source, flow.Reply.SourcePort, flow.Status.HasFlag(ConntrackStatus.DestinationNat | ConntrackStatus.SeenReply)));
    }

    private static ServicePlan Plan(params ValueList<ServiceTarget> targets) => new()
    {
        Entries = [new ServiceEntry(new ResourceKey(ResourceKind.Service, "default", "web"), IPAddress.Parse("10.43.0.5"), TransportProtocol.TCP, 80, 8080, IsByClient: false, targets)],
    };
}
