using EgressAgent.Model;
using EgressAgent.Model.Resources;

namespace EgressAgent.Daemon.Hosting;

/// <summary>The settings on which the agent runs, and what is wrong with their file.</summary>
/// <param name="Configuration">
/// What the file says; when it is in error what it said at the last start, and null where there was none.
/// </param>
/// <param name="Findings">Every fault and warning of the file.</param>
/// <param name="IsLastGood">Whether the file is in error and its last good version in force.</param>
internal sealed record LoadedSettings(AgentConfiguration? Configuration, ValueList<Diagnostic> Findings, bool IsLastGood)
{
    internal IEnumerable<Diagnostic> Faults => Findings.Where(finding => finding.Severity == DiagnosticSeverity.Error);
}
