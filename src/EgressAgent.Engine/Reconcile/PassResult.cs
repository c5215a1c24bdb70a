namespace EgressAgent.Engine.Reconcile;

/// <summary>How a pass over one router ended.</summary>
/// <param name="RetryAfter">When to look again even if nothing is reported; null when there is no need.</param>
/// <param name="IsGone">Whether the router is removed and can be forgotten.</param>
/// <param name="IsPause">Whether what is told of the router alone waits until then, since its own steps are told too.</param>
internal readonly record struct PassResult(TimeSpan? RetryAfter, bool IsGone = false, bool IsPause = false)
{
    internal static readonly PassResult Settled = new(null);

    internal static readonly PassResult Gone = new(null, IsGone: true);
}
