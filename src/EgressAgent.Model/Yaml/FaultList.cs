namespace EgressAgent.Model.Yaml;

/// <summary>Collects what is wrong with one document.</summary>
internal sealed class FaultList
{
    private readonly List<Diagnostic> _faults = [];

    /// <summary>Whether the document cannot be used.</summary>
    public bool HasErrors { get; private set; }

    public void Error(SourceLocation location, FieldPath? field, string message) =>
        Add(location, field, message, DiagnosticSeverity.Error);

    public void Warn(SourceLocation location, FieldPath? field, string message) =>
        Add(location, field, message, DiagnosticSeverity.Warning);

    public void AddRange(IEnumerable<Diagnostic> faults)
    {
        foreach (Diagnostic fault in faults)
        {
            HasErrors |= fault.Severity == DiagnosticSeverity.Error;
            _faults.Add(fault);
        }
    }

    /// <summary>In the order of the file.</summary>
    public ValueList<Diagnostic> ToValueList() =>
        _faults.OrderBy(fault => fault.Location.Line).ThenBy(fault => fault.Location.Column).ToValueList();

    private void Add(SourceLocation location, FieldPath? field, string message, DiagnosticSeverity severity)
    {
        HasErrors |= severity == DiagnosticSeverity.Error;
        if (_faults.Count < YamlLimits.Faults)
        {
            _faults.Add(new Diagnostic(location, field?.ToString() ?? "", message, severity));
        }
        else if (_faults.Count == YamlLimits.Faults)
        {
            _faults.Add(new Diagnostic(location, "", $"more than {YamlLimits.Faults} faults; the rest are left out", severity));
        }
    }
}
