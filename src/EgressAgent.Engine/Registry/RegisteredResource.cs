using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using EgressAgent.Model.Validation;

namespace EgressAgent.Engine.Registry;

/// <summary>All that is known of a document of any kind but for what the kernel has of it. Immutable: every change is a new value.</summary>
public abstract record RegisteredResource
{
    /// <summary>Its identity.</summary>
    public required ResourceKey Id { get; init; }

    /// <summary>Where its document stands, or last stood; no file at all for a router that only the kernel shows.</summary>
    public SourceLocation Source { get; init; }

    /// <summary>Why what is to run is not what the files say now; empty when it is.</summary>
    public ValueList<Diagnostic> Faults { get; init; } = [];

    /// <summary>Whether no file wants it any more. It is forgotten when the kernel has nothing of it left.</summary>
    public bool IsRemoved { get; init; }

    /// <summary>How many different specs were accepted, from 1; it goes on across restarts.</summary>
    public long Generation { get; init; }

    /// <summary>Why it does not have the addresses that it should have.</summary>
    public PlanProblem? AllocationProblem { get; init; }

    /// <summary>Whether it was given an address that nothing but the state can tell again.</summary>
    internal bool MustBeSaved { get; init; }

    internal abstract IResource? WantedResource { get; }

    internal abstract bool HasGood { get; }

    /// <summary>The addresses that it was given.</summary>
    internal abstract ValueList<InterfaceAddress> Addresses { get; }

    internal static RegisteredResource New(ResourceKey id) => id.Kind == ResourceKind.EgressRouter
        ? new RegisteredRouter { Id = id }
        : new RegisteredService { Id = id };

    /// <summary>The same with another document to run, which is also the last good one unless there is none.</summary>
    internal abstract RegisteredResource Want(IResource? wanted);

    /// <summary>As it is to be after an entry of the catalog.</summary>
    internal RegisteredResource Update(ResourceCatalogEntry entry)
    {
        bool isNews = entry.Resource is { } resource && !resource.AsksForTheSame(LastGoodResource);
        return Want(entry.Resource) with
        {
            Source = entry.Source,
            Faults = entry.IsCurrent ? [] : entry.Diagnostics.Where(finding => finding.Severity == DiagnosticSeverity.Error).ToValueList(),
            IsRemoved = false,
            Generation = Generation + (isNews ? 1 : 0),
        };
    }

    internal abstract ResourceRecord? ToRecord();

    private protected abstract IResource? LastGoodResource { get; }
}

/// <inheritdoc cref="RegisteredResource"/>
public abstract record RegisteredResource<T> : RegisteredResource
    where T : class, IResource
{
    /// <summary>What is to run: what its file says, or the last good document where that is in error; null when there is none.</summary>
    public T? Wanted { get; init; }

    /// <summary>The last document that was valid.</summary>
    public T? LastGood { get; init; }

    internal sealed override IResource? WantedResource => Wanted;

    internal sealed override bool HasGood => LastGood is not null;

    internal sealed override RegisteredResource Want(IResource? wanted) => this with { Wanted = (T?)wanted, LastGood = (T?)wanted ?? LastGood };

    private protected sealed override IResource? LastGoodResource => LastGood;
}

/// <summary>A router.</summary>
public sealed record RegisteredRouter : RegisteredResource<EgressRouterResource>
{
    /// <summary>What an operator asks for is days; what is older is in the journal.</summary>
    public const int MaxEvents = 32;

    public RouterKey Key => Id.Router!.Value;

    /// <summary>Null before the first valid document.</summary>
    public RouterAllocation? Allocation { get; init; }

    /// <summary>What became of it, the oldest first: the last <see cref="MaxEvents"/> events.</summary>
    public ValueList<RouterEvent> History { get; init; } = [];

    /// <summary>Where it stood when it was in force last; null before that.</summary>
    public RouterFooting? Footing { get; init; }

    /// <summary>Whether a Service leads to it.</summary>
    public bool IsBehindService { get; init; }

    /// <summary>The ports at external addresses of the Services that lead to it; whether it holds an address is decided elsewhere.</summary>
    public ValueList<ExternalPort> ExternalPorts { get; init; } = [];

    internal override ValueList<InterfaceAddress> Addresses => Allocation?.InsideAddresses ?? [];

    internal override ResourceRecord? ToRecord() =>
        LastGood is null || Allocation is null ? null : new RouterRecord(LastGood, Generation, Allocation, IsRemoved, Footing) { History = History };

    internal RegisteredRouter With(RouterEvent happened) => this with { History = [.. History.Skip(History.Count + 1 - MaxEvents), happened] };
}

/// <summary>A Service.</summary>
public sealed record RegisteredService : RegisteredResource<ServiceResource>
{
    /// <summary>Its addresses, with the prefix length of their networks; the first is of the family that was asked for first.</summary>
    public ValueList<InterfaceAddress> ClusterAddresses { get; init; } = [];

    internal override ValueList<InterfaceAddress> Addresses => ClusterAddresses;

    internal override ResourceRecord? ToRecord() => LastGood is null ? null : new ServiceRecord(LastGood, Generation, ClusterAddresses);
}
