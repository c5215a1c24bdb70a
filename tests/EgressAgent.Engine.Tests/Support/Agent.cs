using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Reconcile;
using EgressAgent.Model;
using EgressAgent.Model.Configuration;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using Microsoft.Extensions.Time.Testing;

namespace EgressAgent.Engine.Tests.Support;

/// <summary>A running agent without its daemon: a reconciler over a kernel and a store, which both outlive it.</summary>
internal sealed class Agent : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    public Agent(IKernel kernel, MemoryStore store, AgentConfiguration? configuration = null) => Reconciler = new Reconciler(
        kernel, store, store.Load(), configuration ?? AgentConfiguration.Default, Example.MachineId, Time, Log);

    public FakeTimeProvider Time { get; } = new();

    public RecordingLogger<Reconciler> Log { get; } = new();

    public Reconciler Reconciler { get; }

    public StatusBoard Status => Reconciler.Status;

    /// <summary>What files that hold these routers ask for; returns when it has been tried.</summary>
    public Task RunAsync(params IEnumerable<EgressRouterResource> routers) => SubmitAsync(routers.Select(RouterIntent.Run));

    public Task RemoveAsync(RouterKey key) => SubmitAsync(RouterIntent.Remove(key, "web.yaml"));

    public Task SubmitAsync(params IEnumerable<RouterIntent> intents)
    {
        Reconciler.Submit(intents);
        return IdleAsync();
    }

    public Task IdleAsync() => Reconciler.WhenIdle().WaitAsync(Deadline, TestContext.Current.CancellationToken);

    /// <summary>Lets time pass, and everything that is due then happen.</summary>
    public Task AdvanceAsync(TimeSpan time)
    {
        Time.Advance(time);
        return IdleAsync();
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

    public void Dispose() => Reconciler.Dispose();
}
