using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Relay;

/// <summary>A part of a plan that is not in force; the rest is.</summary>
/// <param name="Rule">The rule; null when it is about a fallback.</param>
/// <param name="Reason">Why, for an operator to read.</param>
public sealed record RelayShortfall(RedirectRuleSpec? Rule, string Reason);
