namespace EgressAgent.Model;

/// <summary>One fault (or warning) of a file, at the place of the offending value.</summary>
/// <param name="Location">Where; of the mapping, when something is missing from it.</param>
/// <param name="Field">The path of the field, such as <c>spec.redirect.redirectRules[1].port</c>; empty for the document.</param>
/// <param name="Message">What is wrong, and what is allowed.</param>
/// <param name="Severity">A warning leaves the document valid.</param>
public sealed record Diagnostic(
    SourceLocation Location,
    string Field,
    string Message,
    DiagnosticSeverity Severity = DiagnosticSeverity.Error)
{
    /// <summary><c>FILE:LINE:COLUMN: FIELD.PATH: message</c>, the form that <c>egress-agentd check</c> prints.</summary>
    public override string ToString()
    {
        string severity = Severity == DiagnosticSeverity.Warning ? "warning: " : "";
        return Field.Length == 0 ? $"{Location}: {severity}{Message}" : $"{Location}: {Field}: {severity}{Message}";
    }
}

/// <summary>Whether a document with the finding can be used.</summary>
public enum DiagnosticSeverity
{
    Error,
    Warning,
}
