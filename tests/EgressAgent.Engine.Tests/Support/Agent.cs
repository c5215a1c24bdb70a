using EgressAgent.Engine.Cluster;
using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Reconcile;
using EgressAgent.Engine.Registry;
using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using EgressAgent.Model.Validation;
using Microsoft.Extensions.Time.Testing;

namespace EgressAgent.Engine.Tests.Support;

/// <summary>A running agent without its daemon: registry and reconciler over a kernel and a store, which both outlive it.</summary>
internal sealed class Agent : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly MemoryStore _store;
    private bool _hasRead;

    public Agent(IKernel kernel, MemoryStore store, AgentConfiguration? configuration = null, ICluster? cluster = null)
    {
        _store = store;
        Registry = new ResourceRegistry(store, configuration ?? AgentConfiguration.Default, Example.MachineId, Time, Log);
        Reconciler = new Reconciler(kernel, Registry, configuration ?? AgentConfiguration.Default, Time, Log, cluster);
    }

    public FakeTimeProvider Time { get; } = new();

    public RecordingLogger<Reconciler> Log { get; } = new();

    public ResourceRegistry Registry { get; }

    public Reconciler Reconciler { get; }

    public StatusBoard Status => Reconciler.Status;

    /// <summary>What files that hold these routers ask for, beside those that are there; returns when it has been tried.</summary>
    public Task RunAsync(params IEnumerable<EgressRouterResource> routers) => ApplyAsync(routers.Select(Example.File));

    /// <summary>The router's file goes.</summary>
    public Task RemoveAsync(params IEnumerable<EgressRouterResource> routers) => ApplyAsync([], [.. routers.Select(router => router.Source.File)]);

    public Task ApplyAsync(IEnumerable<RouterFile> read, params IReadOnlyCollection<string> gone)
    {
        Apply(read, gone);
        return IdleAsync();
    }

    public void Apply(IEnumerable<RouterFile> read, params IReadOnlyCollection<string> gone)
    {
        Registry.Apply(new FilesReading("routers", [.. read], gone, IsFirst: !_hasRead));
        _hasRead = true;
    }

    public Task IdleAsync() => Reconciler.WhenIdle().WaitAsync(Deadline, TestContext.Current.CancellationToken);

    /// <summary>Lets time pass, and everything that is due then happen.</summary>
    public Task AdvanceAsync(TimeSpan time)
    {
        Time.Advance(time);
        return IdleAsync();
    }

    /// <summary>Waits until what is known is saved, but for the history, which takes its time.</summary>
    public Task SavedAsync() => UntilAsync(() => Registry.Faults.Count == 0 && WithoutHistory(Registry.Records()).SetEquals(WithoutHistory(_store.Records)));

    private static HashSet<ResourceRecord> WithoutHistory(IEnumerable<ResourceRecord> records) =>
        [.. records.Select(record => record is RouterRecord router ? router with { History = [] } : record)];

    public static async Task UntilAsync(Func<bool> condition)
    {
        using var deadline = new CancellationTokenSource(Deadline);
        while (!condition())
        {
            await Task.Delay(1, deadline.Token);
        }
    }

    public RouterStatus StatusOf(RouterKey key) => Status.Find(key) ?? throw new InvalidOperationException($"{key} has no status");

    public Condition Condition(ConditionType type) => StatusOf(Example.Key).Condition(type);

    /// <summary>The addresses and the MAC that a router was given.</summary>
    public RouterAllocation Allocation(RouterKey key)
    {
        DesiredRouter desired = StatusOf(key).Desired!;
        return new RouterAllocation(
            [.. desired.InsideAddresses.Where(entry => entry.Side == NetworkSide.Router).Select(entry => entry.Address)], desired.Macvlan.Mac!);
    }

    public void Dispose()
    {
        Reconciler.Dispose();
        Registry.Dispose();
    }
}
