using System.Globalization;
using System.Text;
using EgressAgent.Linux.Journal;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting.Display;

namespace EgressAgent.Daemon.Logging;

/// <summary>
/// Writes log events to the journal with their properties as fields: <c>Router</c> becomes <c>EGRESS_ROUTER</c> (and
/// <c>EGRESS_NAMESPACE</c>), <c>SourceAddresses</c> becomes <c>EGRESS_SOURCE_ADDRESSES</c>.
/// </summary>
internal sealed class JournalSink : ILogEventSink
{
    private const string Prefix = "EGRESS_";

    // As on the console: "l" leaves texts without the quotes that Serilog puts around them.
    private static readonly MessageTemplateTextFormatter Formatter = new("{Message:lj}{NewLine}{Exception}", CultureInfo.InvariantCulture);

    // One entry a thread, with its buffers.
    [ThreadStatic]
    private static JournalEntry? _entry;

    // Of a process that has ended by the time that journald looks, it does not find out the unit: journalctl -u would not show its last
    // words. This field says it too (systemd.journal-fields(7)).
    private static readonly string? Unit = File.ReadLines("/proc/self/cgroup").Select(line => line[(line.LastIndexOf('/') + 1)..])
        .FirstOrDefault(name => name.EndsWith(".service", StringComparison.Ordinal));

    public void Emit(LogEvent logEvent)
    {
        JournalEntry entry = _entry ??= new JournalEntry();
        entry.Clear();
        Write(logEvent, entry);
        if (logEvent.Level == LogEventLevel.Fatal && Unit is not null)
        {
            entry.Add("OBJECT_SYSTEMD_UNIT", Unit);
        }

        // There is nobody to tell: where the journal is gone, so is the log.
        _ = entry.Send();
    }

    internal static void Write(LogEvent logEvent, JournalEntry entry)
    {
        using var message = new StringWriter(CultureInfo.InvariantCulture);
        Formatter.Format(logEvent, message);
        entry.Add(JournalField.Message, message.ToString().TrimEnd());
        entry.Add(ToPriority(logEvent.Level));
        entry.Add(JournalField.SyslogIdentifier, "egress-agentd");
        foreach ((string name, LogEventPropertyValue value) in logEvent.Properties)
        {
            WriteProperty(name, value, entry);
        }
    }

    private static void WriteProperty(string name, LogEventPropertyValue value, JournalEntry entry)
    {
        switch (name)
        {
            case "EventId":
                if (MessageIdOf(value) is { } id)
                {
                    entry.Add(JournalField.MessageId, id);
                }

                break;
            case "SourceContext":
                break;
            case "Router":
                string router = Text(value);
                entry.Add(Prefix + "ROUTER", router);
                entry.Add(Prefix + "NAMESPACE", router.Split('/')[0]);
                break;
            default:
                entry.Add(FieldName(name), Text(value));
                break;
        }
    }

    // What Microsoft.Extensions.Logging calls an event id comes as a structure with the members Id and Name.
    private static string? MessageIdOf(LogEventPropertyValue value) =>
        value is StructureValue structure
        && structure.Properties.FirstOrDefault(property => property.Name == "Id")?.Value is ScalarValue { Value: int id }
            ? MessageIds.Find(id)
            : null;

    private static string Text(LogEventPropertyValue value) => value is ScalarValue scalar ? scalar.Value?.ToString() ?? "" : value.ToString();

    private static string FieldName(string property)
    {
        var name = new StringBuilder(Prefix);
        for (int i = 0; i < property.Length; i++)
        {
            if (i > 0 && char.IsAsciiLetterUpper(property[i]) && !char.IsAsciiLetterUpper(property[i - 1]))
            {
                name.Append('_');
            }

            name.Append(char.IsAsciiLetterOrDigit(property[i]) ? char.ToUpperInvariant(property[i]) : '_');
        }

        return name.ToString();
    }

    private static JournalPriority ToPriority(LogEventLevel level) => level switch
    {
        LogEventLevel.Fatal => JournalPriority.Critical,
        LogEventLevel.Error => JournalPriority.Error,
        LogEventLevel.Warning => JournalPriority.Warning,
        LogEventLevel.Information => JournalPriority.Informational,
        _ => JournalPriority.Debug,
    };
}
