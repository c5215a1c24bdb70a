using EgressAgent.Model.Validation;

namespace EgressAgent.Model.Legacy;

/// <summary>What a file with legacy egress router Pods comes to.</summary>
/// <param name="Text">The <c>EgressRouter</c> documents; empty when there is none.</param>
/// <param name="Diagnostics">What cannot be said, and (as warnings) what was left out.</param>
public sealed record LegacyConversion(string Text, ValueList<Diagnostic> Diagnostics);
