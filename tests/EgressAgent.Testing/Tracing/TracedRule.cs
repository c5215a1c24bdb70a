namespace EgressAgent.Testing.Tracing;

/// <summary>A rule: its statements run in order until one decides, or does not match.</summary>
/// <param name="Chain">Where it stands.</param>
/// <param name="Statements">Matches and what follows from them.</param>
/// <param name="Command">The nft command that added it.</param>
public sealed record TracedRule(string Chain, IReadOnlyList<TracedStatement> Statements, string Command);
