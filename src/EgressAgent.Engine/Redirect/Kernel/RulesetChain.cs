using EgressAgent.Model;

namespace EgressAgent.Engine.Redirect.Kernel;

/// <summary>A chain of the ruleset.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Hook">The hook specification of a base chain (<c>type … hook … priority …; policy …;</c>); null for others.</param>
/// <param name="Rules">Its rules, in nft's language.</param>
internal sealed record RulesetChain(string Name, string? Hook, ValueList<string> Rules);
