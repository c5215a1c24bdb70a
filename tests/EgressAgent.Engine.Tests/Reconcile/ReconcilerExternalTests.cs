using System.Collections.Immutable;
using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Engine.Tests.Support;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using EgressAgent.Model.Validation;
using EgressAgent.Testing.FakeKernel;

namespace EgressAgent.Engine.Tests.Reconcile;

/// <summary>External addresses: which router takes one, which gives it up, and what is told of it.</summary>
public sealed class ReconcilerExternalTests : IDisposable
{
    private static readonly IPAddress Address = IPAddress.Parse("192.168.12.97");
    private static readonly ImmutableSortedDictionary<string, string> Labels =
        ImmutableSortedDictionary.CreateRange(StringComparer.Ordinal, [KeyValuePair.Create("app", "partner")]);

    private static readonly EgressRouterResource A = Example.Router("a", "192.168.12.98/24") with { Labels = Labels };
    private static readonly EgressRouterResource B = Example.Router("b", "192.168.12.99/24") with { Labels = Labels };
    private static readonly ServiceResource Service = new(
        new ResourceKey(ResourceKind.Service, "default", "partner"),
        new SourceLocation("partner.yaml", 1, 1),
        new ServiceSpec { Selector = Labels, IsHeadless = true, Ports = [new ServicePortSpec("", TransportProtocol.TCP, 80, 8080)], ExternalAddresses = [Address] });

    private readonly FakeKernel _kernel = Example.Node();
    private readonly Agent _agent;

    public ReconcilerExternalTests()
    {
        _kernel.EditNode(node => node.AddHardware("ens4"));
        _agent = new Agent(_kernel, new MemoryStore());
    }

    public void Dispose() => _agent.Dispose();

    [Fact]
    public async Task Router_that_waits_for_a_master_that_another_router_has_gives_the_address_up()
    {
        EgressRouterResource other = Example.Router("other", "192.168.12.96/24");
        await _agent.RunAsync(other with { Spec = other.Spec with { Master = "ens4", MacvlanMode = MacvlanMode.Passthru } });
        await StartAsync(A, B);
        await HeldByAsync(A);

        await _agent.RunAsync(On(A, "ens4"));

        await HeldByAsync(B);
        Assert.Equal(RouterState.Pending, _agent.StatusOf(A.Key).State);
    }

    [Fact]
    public async Task Router_whose_pass_fails_before_it_takes_the_address_leaves_it_to_the_one_that_waits()
    {
        int claims = 0;
        _kernel.BeforeStep = (key, step) =>
        {
            if (key == B.Key && step is ClaimAddress { IsExternal: true } && Interlocked.Increment(ref claims) == 1)
            {
                // The other one becomes available, is to have the address, and looks once more.
                ulong before = PassCount();
                _kernel.EditNode(node => node.AddHardware("ens5"));
                SpinWait.SpinUntil(() => PassCount() >= before + 2, TimeSpan.FromSeconds(30));
                throw new InvalidOperationException("a defect");
            }
        };
        await StartAsync(On(A, "ens5"), B);

        await HeldByAsync(A);
        Assert.Equal(1, claims);
    }

    [Fact]
    public async Task Router_that_waits_keeps_what_was_reserved_before()
    {
        await _agent.RunAsync(A);

        await _agent.RunAsync(On(A with { Spec = A.Spec with { Addresses = B.Spec.Addresses } }, "missing0"));

        Assert.Equal(RouterState.Pending, _agent.StatusOf(A.Key).State);
        Assert.True(_kernel.ReadRouter(A.Key, netns => netns.HasAddress(IPAddress.Parse("192.168.12.98"))));
    }

    [Fact]
    public async Task Router_whose_gateway_is_the_node_is_passed_over_behind_a_headless_Service_too()
    {
        await StartAsync(A with { Spec = A.Spec with { Addresses = [new AddressSpec(Example.Cidr("192.168.12.98/24"), IPAddress.Parse("192.168.12.10"))] } }, B);

        await HeldByAsync(B);
    }

    [Fact]
    public async Task Trouble_of_an_address_is_over_once_though_its_words_change()
    {
        await StartAsync(A);
        await HeldByAsync(A);

        foreach (string host in (string[])["52-54-00-AA-BB-01", "52-54-00-AA-BB-02"])
        {
            _kernel.OtherHosts[Address] = PhysicalAddress.Parse(host);
            _agent.Reconciler.Reapply(A.Key);
            await UntilLoggedAsync(host.Replace('-', ':').ToLowerInvariant());
        }

        _kernel.OtherHosts.Clear();
        _agent.Reconciler.Reapply(A.Key);
        await UntilLoggedAsync("over: 192.168.12.97 is also used by another host (52:54:00:aa:bb:02)");
        Assert.Single(_agent.Log.Of(EventIds.ExternalAddress), line => line.Contains("over: ", StringComparison.Ordinal));
    }

    private async Task StartAsync(params EgressRouterResource[] routers)
    {
        var file = new RouterFile(
            Service.Source.File, [new RouterDocument { Source = Service.Source, Key = Service.Id, Resource = Service }], [], IsComplete: true);
        await _agent.ApplyAsync(routers.Select(Example.File).Append(file));
        _agent.Reconciler.StartServices();
    }

    private static EgressRouterResource On(EgressRouterResource router, string master) => router with { Spec = router.Spec with { Master = master } };

    private ulong PassCount() => _agent.Reconciler.Passes.Read().Counts.Aggregate(0ul, (sum, count) => sum + count);

    private Task HeldByAsync(EgressRouterResource router) => Agent.UntilAsync(() =>
        _agent.Reconciler.Services.Find(Service.Id) is { } status && status.ExternalAddresses.Single().Holder == router.Key);

    private Task UntilLoggedAsync(string words) =>
        Agent.UntilAsync(() => _agent.Log.Of(EventIds.ExternalAddress).Any(line => line.Contains(words, StringComparison.Ordinal)));
}
