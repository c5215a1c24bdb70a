using System.Text;
using EgressAgent.Daemon.Logging;
using EgressAgent.Engine;
using EgressAgent.Linux.Journal;
using EgressAgent.Model;
using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Parsing;

namespace EgressAgent.Daemon.Tests.Logging;

public sealed class JournalSinkTests
{
    [Fact]
    public void Write_routerEvent_becomesFields()
    {
        string[] fields = Write(
            LogEventLevel.Information,
            null,
            "{Router}: leaving as {SourceAddresses}",
            ("Router", Bind(new RouterKey("default", "web"))),
            ("SourceAddresses", new ScalarValue("192.168.12.99")),
            ("EventId", EventId(EventIds.InForce)),
            ("SourceContext", new ScalarValue("EgressAgent.Engine.Reconcile.Reconciler")));

        Assert.Equal(
            [
                "EGRESS_NAMESPACE=default",
                "EGRESS_ROUTER=default/web",
                "EGRESS_SOURCE_ADDRESSES=192.168.12.99",
                "MESSAGE=default/web: leaving as 192.168.12.99",
                $"MESSAGE_ID={MessageIds.Find(EventIds.InForce)}",
                "PRIORITY=6",
                "SYSLOG_IDENTIFIER=egress-agentd",
            ],
            fields);
    }

    [Theory]
    [InlineData(LogEventLevel.Verbose, 7)]
    [InlineData(LogEventLevel.Debug, 7)]
    [InlineData(LogEventLevel.Information, 6)]
    [InlineData(LogEventLevel.Warning, 4)]
    [InlineData(LogEventLevel.Error, 3)]
    [InlineData(LogEventLevel.Fatal, 2)]
    public void Write_level_isAPriority(LogEventLevel level, int priority) => Assert.Contains($"PRIORITY={priority}", Write(level, null, "text"));

    [Fact]
    public void Write_exception_isPartOfTheMessage() => Assert.Contains(
        "MESSAGE=text\nSystem.InvalidOperationException: why", Write(LogEventLevel.Error, new InvalidOperationException("why"), "text"));

    [Theory]
    [InlineData("Port", "EGRESS_PORT")]
    [InlineData("InsideAddresses", "EGRESS_INSIDE_ADDRESSES")]
    [InlineData("MTU", "EGRESS_MTU")]
    public void Write_property_isASnakeCaseField(string property, string field) =>
        Assert.Contains($"{field}=1", Write(LogEventLevel.Information, null, "text", (property, new ScalarValue(1))));

    [Fact]
    public void Write_eventWithoutId_hasNoMessageId() =>
        Assert.DoesNotContain(Write(LogEventLevel.Information, null, "text", ("EventId", EventId(0))), field => field.StartsWith("MESSAGE_ID", StringComparison.Ordinal));

    // As the logger makes it of an argument.
    private static LogEventPropertyValue Bind(object value)
    {
        using Logger logger = new LoggerConfiguration().CreateLogger();
        return logger.BindProperty("Name", value, destructureObjects: false, out LogEventProperty? property)
            ? property.Value
            : throw new ArgumentException("is not loggable", nameof(value));
    }

    private static StructureValue EventId(int id) => new([new LogEventProperty("Id", new ScalarValue(id))]);

    private static string[] Write(LogEventLevel level, Exception? exception, string template, params (string Name, LogEventPropertyValue Value)[] properties)
    {
        var entry = new JournalEntry();
        JournalSink.Write(
            new LogEvent(
                DateTimeOffset.UnixEpoch,
                level,
                exception,
                new MessageTemplateParser().Parse(template),
                properties.Select(property => new LogEventProperty(property.Name, property.Value))),
            entry);
        return [.. Enumerable.Range(0, entry.Count).Select(index => Encoding.UTF8.GetString(entry.GetField(index))).Order(StringComparer.Ordinal)];
    }
}
