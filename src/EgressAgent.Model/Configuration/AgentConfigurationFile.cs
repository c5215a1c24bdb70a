using EgressAgent.Model.Validation;

namespace EgressAgent.Model.Configuration;

/// <summary>What the agent's configuration file says.</summary>
/// <param name="Configuration">Null when a finding is an error.</param>
/// <param name="Diagnostics">Every fault and warning, in the order of the file.</param>
public sealed record AgentConfigurationFile(AgentConfiguration? Configuration, ValueList<Diagnostic> Diagnostics);
