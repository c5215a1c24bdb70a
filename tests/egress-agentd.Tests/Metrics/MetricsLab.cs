using System.Net;
using EgressAgent.Daemon.Metrics;
using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Engine.Reconcile;
using EgressAgent.Engine.Records;
using EgressAgent.Engine.Registry;
using EgressAgent.Engine.Traffic;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;
using EgressAgent.Testing;
using EgressAgent.Testing.FakeKernel;

namespace EgressAgent.Daemon.Tests.Metrics;

/// <summary>The metrics of routers over a kernel in memory.</summary>
internal sealed class MetricsLab : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly ResourceRegistry _registry;
    private readonly Reconciler _reconciler;
    private readonly TrafficSampler _traffic;

    public MetricsLab(bool tellsDestinations = true)
    {
        Kernel.EditNode(node =>
        {
            node.AddHardware("ens3");
            node.AddAddress("ens3", Example.Cidr("192.168.12.10/24"));
            node.SetRoute(new RouteEntry(NetworkSide.Node, IPNetwork.Parse("0.0.0.0/0"), IPAddress.Parse("192.168.12.1"), "ens3"));
        });
        _registry = new ResourceRegistry(new MemoryStore(), AgentConfiguration.Default, "0123456789abcdef0123456789abcdef", TimeProvider.System, Log);
        _reconciler = new Reconciler(Kernel, _registry, AgentConfiguration.Default, TimeProvider.System, Log);
        _traffic = new TrafficSampler(_reconciler, TimeProvider.System);
        Metrics = new AgentMetrics(_reconciler, _traffic, _registry, Records, _directory["agentd.yaml"], tellsDestinations);
    }

    public FakeKernel Kernel { get; } = new();

    public RecordingLogger<Reconciler> Log { get; } = new();

    public AgentMetrics Metrics { get; }

    public FlowRecorder Records { get; } = new("egress-metrics-test", tellsDestinations: true, TimeProvider.System);

    /// <summary>A directory of the test's own.</summary>
    public TemporaryDirectory Directory => _directory;

    /// <summary>Takes a file in, and waits until its router is in force.</summary>
    public void Run(EgressRouterResource router)
    {
        Apply(Example.File(router));
        Eventually.True("the router", () => _reconciler.Status.Find(router.Key)?.IsInForce == true);
        Kernel.TellGateways(router.Key, new ObservedGateway(IPAddress.Parse("192.168.12.1"), true));
        Kernel.TellObstacles(router.Key);
    }

    /// <summary>Has the node hold a router that others may hold instead, or not hold it any more.</summary>
    public Task ClaimAsync(EgressRouterResource router, bool isClaimed) =>
        isClaimed ? _reconciler.ClaimAsync(router.Key) : _reconciler.ReleaseAsync(router.Key);

    public void Apply(params IReadOnlyList<RouterFile> files) => _registry.Apply(new FilesReading("/etc/egress-router", files, []));

    /// <summary>Takes a router's file away, and waits until nothing of the router is left.</summary>
    public void Remove(EgressRouterResource router)
    {
        _registry.Apply(new FilesReading("/etc/egress-router", [], [router.Source.File]));
        Eventually.True("the end of the router", () => _reconciler.Status.Find(router.Key) is null);
    }

    public void Dispose()
    {
        _traffic.Dispose();
        _reconciler.Dispose();
        _registry.Dispose();
        Records.Dispose();
        _directory.Dispose();
    }
}
