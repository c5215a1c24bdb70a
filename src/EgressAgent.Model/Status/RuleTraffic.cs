using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Status;

/// <summary>How much a rule has been used.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="Connections">How many connections (for UDP: flows) it has taken since it is in force.</param>
/// <param name="Bytes">
/// What they carried, both directions: with the kernel datapath those that are there now, headers included; with the relay all of
/// them, payload alone.
/// </param>
public sealed record RuleTraffic(RedirectRuleSpec Rule, ulong Connections, ulong Bytes);
