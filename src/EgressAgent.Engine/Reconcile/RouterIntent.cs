using EgressAgent.Model;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;

namespace EgressAgent.Engine.Reconcile;

/// <summary>What the files want of one router.</summary>
/// <param name="Key">The router.</param>
/// <param name="File">The file that speaks of it, or last did.</param>
/// <param name="Wanted">The spec to run: the file's, or the last good one where the file's is in error; null when there is none.</param>
/// <param name="Faults">The errors of the file's document; empty when it is in order.</param>
/// <param name="IsRemoved">Whether no file speaks of the router any more.</param>
public sealed record RouterIntent(
    RouterKey Key, string File, EgressRouterResource? Wanted, ValueList<Diagnostic> Faults, bool IsRemoved)
{
    public static RouterIntent Run(EgressRouterResource wanted) => new(wanted.Key, wanted.Source.File, wanted, [], IsRemoved: false);

    public static RouterIntent KeepLastGood(RouterKey key, string file, EgressRouterResource? lastGood, ValueList<Diagnostic> faults) =>
        new(key, file, lastGood, faults, IsRemoved: false);

    public static RouterIntent Remove(RouterKey key, string file) => new(key, file, null, [], IsRemoved: true);
}
