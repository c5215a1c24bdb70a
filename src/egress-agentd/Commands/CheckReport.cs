using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using EgressAgent.Daemon.Watch;
using EgressAgent.Model;

namespace EgressAgent.Daemon.Commands;

/// <summary>Says what a check found, to people or to programs.</summary>
internal static class CheckReport
{
    // It is no part of a web page: quotes and arrows may stand as they are.
    private static readonly JsonWriterOptions Json = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary><c>{"files", "routers", "services", "findings": [{"file", "line", "column", "field", "severity", "message"}]}</c></summary>
    internal static string ToJson(RouterFileCheck check)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, Json))
        {
            writer.WriteStartObject();
            writer.WriteNumber("files", check.Files);
            writer.WriteNumber("routers", check.Routers);
            writer.WriteNumber("services", check.Services);
            writer.WriteStartArray("findings");
            foreach (string missing in check.Missing)
            {
                Write(writer, missing, 0, 0, "", DiagnosticSeverity.Error, "no such file or directory");
            }

            foreach (Diagnostic finding in check.Findings)
            {
                Write(writer, finding.Location.File, finding.Location.Line, finding.Location.Column, finding.Field, finding.Severity, finding.Message);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    /// <summary><c>2 files, 3 routers, no fault</c></summary>
    internal static string Summarize(RouterFileCheck check)
    {
        int faults = check.Findings.Count(finding => finding.Severity == DiagnosticSeverity.Error);
        int warnings = check.Findings.Count - faults;
        string services = check.Services == 0 ? "" : $"{Count(check.Services, "Service")}, ";
        string summary = $"{Count(check.Files, "file")}, {Count(check.Routers, "router")}, {services}{(faults == 0 ? "no fault" : Count(faults, "fault"))}";
        return warnings == 0 ? summary : $"{summary}, {Count(warnings, "warning")}";
    }

    private static string Count(int count, string what) =>
        string.Create(CultureInfo.InvariantCulture, $"{count} {what}{(count == 1 ? "" : "s")}");

    private static void Write(
        Utf8JsonWriter writer, string file, int line, int column, string field, DiagnosticSeverity severity, string message)
    {
        writer.WriteStartObject();
        writer.WriteString("file", file);
        writer.WriteNumber("line", line);
        writer.WriteNumber("column", column);
        writer.WriteString("field", field);
        writer.WriteString("severity", severity == DiagnosticSeverity.Error ? "error" : "warning");
        writer.WriteString("message", message);
        writer.WriteEndObject();
    }
}
