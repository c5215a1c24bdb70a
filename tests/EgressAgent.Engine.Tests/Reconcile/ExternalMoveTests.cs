using System.Net;
using System.Text;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Validation;
using EgressAgent.Testing.FakeKernel;

namespace EgressAgent.Engine.Tests.Reconcile;

/// <summary>An external address follows what its routers can do at once: the clock stands still here, so that nothing that is due later helps.</summary>
public sealed class ExternalMoveTests : IDisposable
{
    private const string Service = """
        apiVersion: v1
        kind: Service
        metadata: { name: partner }
        spec: { externalIPs: [192.168.12.97], selector: { app: egress-router-cni }, ports: [ { port: 8080 } ] }
        """;

    private static readonly IPAddress External = IPAddress.Parse("192.168.12.97");
    private static readonly RouterKey First = new("default", "a");
    private static readonly RouterKey Second = new("default", "b");

    private readonly FakeKernel _kernel = Example.Node();
    private readonly Agent _agent;

    public ExternalMoveTests()
    {
        _kernel.EditNode(node =>
        {
            node.AddHardware("ens4");
            node.AddAddress("ens4", Example.Cidr("192.168.12.11/24"));
        });
        _agent = new Agent(_kernel, new MemoryStore());
    }

    public void Dispose() => _agent.Dispose();

    [Fact]
    public async Task Address_of_a_router_whose_master_goes_down_is_given_up_and_taken_by_the_next_and_comes_back()
    {
        await _agent.ApplyAsync([Read("service.yaml", Service), Read("a.yaml", Router("a", "192.168.12.99", "ens4")), Read("b.yaml", Router("b", "192.168.12.98", "ens3"))]);
        _agent.Reconciler.StartServices();
        await HeldByAsync(First);
        _kernel.ForgetSteps();

        _kernel.EditNode(node => node.SetUp("ens4", up: false));
        await HeldByAsync(Second);
        Assert.Equal([$"RemoveAddress {First}", $"ClaimAddress {Second}"], StepsOfTheAddress());

        _kernel.ForgetSteps();
        _kernel.EditNode(node => node.SetUp("ens4", up: true));
        await HeldByAsync(First);
        Assert.Equal([$"RemoveAddress {Second}", $"ClaimAddress {First}"], StepsOfTheAddress());
    }

    private static string Router(string name, string address, string master) => $$"""
        apiVersion: network.operator.openshift.io/v1
        kind: EgressRouter
        metadata: { name: {{name}} }
        spec:
          networkInterface: { macvlan: { master: {{master}} } }
          addresses: [ { ip: {{address}}/24 } ]
          redirect: { redirectRules: [ { destinationIP: 203.0.113.26, port: 8080, protocol: TCP } ] }
        """;

    private static RouterFile Read(string path, string yaml)
    {
        RouterFile file = RouterFileParser.Parse(path, Encoding.UTF8.GetBytes(yaml));
        Assert.Empty(file.AllDiagnostics);
        return file;
    }

    private async Task HeldByAsync(RouterKey key)
    {
        await Agent.UntilAsync(() => _kernel.ListRouters().Where(Holds).SequenceEqual([key]));
        await _agent.IdleAsync();

        bool Holds(RouterKey router) => _kernel.ReadRouter(router, netns => netns.HasAddress(External));
    }

    private IEnumerable<string> StepsOfTheAddress() => _kernel.Steps
        .Where(applied => applied.Step is ClaimAddress { Entry: var claimed } && claimed.Address.Address.Equals(External)
            || (applied.Step is RemoveAddress { Entry: var removed } && removed.Address.Address.Equals(External)))
        .Select(applied => $"{applied.Step.GetType().Name} {applied.Router}");
}
