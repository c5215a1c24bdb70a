using Serilog;
using Serilog.Core;
using Serilog.Events;

namespace EgressAgent.Daemon.Logging;

/// <summary>The agent's log, for people at a terminal or for the journal.</summary>
internal static class AgentLogger
{
    private const string ConsoleTemplate = "{Timestamp:HH:mm:ss.fff} {Level:u3} {Message:lj}{NewLine}{Exception}";

    internal static Logger ToConsole() => Configure().WriteTo.Console(outputTemplate: ConsoleTemplate).CreateLogger();

    internal static Logger ToJournal() => Configure().WriteTo.Sink(new JournalSink()).CreateLogger();

    // As systemd.exec(5) has it: a unit with RestartMode=debug is restarted with the variable set.
    private static LoggerConfiguration Configure() => new LoggerConfiguration()
        .MinimumLevel.Is(Environment.GetEnvironmentVariable("DEBUG_INVOCATION") == "1" ? LogEventLevel.Debug : LogEventLevel.Information)
        .MinimumLevel.Override("Microsoft", LogEventLevel.Warning);
}
