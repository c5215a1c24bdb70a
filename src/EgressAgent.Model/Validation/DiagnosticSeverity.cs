namespace EgressAgent.Model.Validation;

/// <summary>Whether a document with the finding can be used.</summary>
public enum DiagnosticSeverity
{
    Error,
    Warning,
}
