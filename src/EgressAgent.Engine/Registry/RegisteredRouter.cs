using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;

namespace EgressAgent.Engine.Registry;

/// <summary>All that is known of a router but for what the kernel has of it. Immutable: every change is a new value.</summary>
public sealed record RegisteredRouter
{
    public required RouterKey Key { get; init; }

    /// <summary>Where its document stands, or last stood; no file at all for a router that only the kernel shows.</summary>
    public SourceLocation Source { get; init; }

    /// <summary>What is to run: what its file says, or the last good document where that is in error; null when there is none.</summary>
    public EgressRouterResource? Wanted { get; init; }

    /// <summary>The last document that was valid.</summary>
    public EgressRouterResource? LastGood { get; init; }

    /// <summary>Why <see cref="Wanted"/> is not what the files say now; empty when it is.</summary>
    public ValueList<Diagnostic> Faults { get; init; } = [];

    /// <summary>Whether no file wants it any more. It is forgotten when the kernel has nothing of it left.</summary>
    public bool IsRemoved { get; init; }

    /// <summary>How many different specs were accepted, from 1; it goes on across restarts.</summary>
    public long Generation { get; init; }

    /// <summary>Null before the first valid document.</summary>
    public RouterAllocation? Allocation { get; init; }

    /// <summary>Why it does not have the inside addresses that it should have.</summary>
    public PlanProblem? AllocationProblem { get; init; }

    /// <summary>Whether it was given an inside address that nothing but the state can tell again.</summary>
    internal bool MustBeSaved { get; init; }

    internal RouterRecord? ToRecord() =>
        LastGood is null || Allocation is null ? null : new RouterRecord(LastGood, Generation, Allocation, IsRemoved);
}
