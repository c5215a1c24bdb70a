namespace EgressAgent.Testing.Tracing;

/// <summary>What a statement decides.</summary>
/// <param name="Kind">The decision.</param>
/// <param name="Argument">The chain of a jump; the answer of a rejection.</param>
internal readonly record struct Verdict(VerdictKind Kind, string? Argument = null);
