using EgressAgent.Engine;
using EgressAgent.Linux;
using EgressAgent.Linux.Journal;
using EgressAgent.Linux.Systemd;
using Microsoft.Extensions.Logging;
using Serilog.Extensions.Logging;

namespace EgressAgent.Daemon.Hosting;

/// <summary>Says why the agent does not start.</summary>
internal static partial class StartReport
{
    /// <param name="problem">What is wrong, and what to do about it.</param>
    /// <param name="journal">Where it goes; null for standard error.</param>
    internal static void TellInUse(string problem, Serilog.ILogger? journal) => Tell(problem, journal, LogInUse);

    /// <inheritdoc cref="TellInUse"/>
    internal static void TellHidden(string problem, Serilog.ILogger? journal) => Tell(problem, journal, LogHidden);

    /// <summary>The reason for an end, for <c>systemctl status</c>.</summary>
    internal static void TellServiceManager(string problem)
    {
        try
        {
            ServiceNotifier.Status(problem);
        }
        catch (LinuxException)
        {
            // The log has it.
        }
    }

    private static void Tell(string problem, Serilog.ILogger? journal, Action<ILogger, string> write)
    {
        if (journal is null)
        {
            Console.Error.WriteLine($"egress-agentd: {problem}");
        }
        else if (!JournalEntry.HasReceiver)
        {
            // What hides the journal's socket leaves the stream to it that the unit was started with; sd-daemon(3) has the priority.
            Console.Error.WriteLine($"<{(int)JournalPriority.Critical}>{problem}");
        }
        else
        {
            using SerilogLoggerFactory factory = new(journal);
            write(factory.CreateLogger(typeof(StartReport)), problem);
        }

        TellServiceManager(problem);
    }

    [LoggerMessage(EventId = EventIds.StateInUse, EventName = nameof(EventIds.StateInUse), Level = LogLevel.Critical, Message = "{Problem}")]
    private static partial void LogInUse(ILogger logger, string problem);

    [LoggerMessage(EventId = EventIds.Hidden, EventName = nameof(EventIds.Hidden), Level = LogLevel.Critical, Message = "{Problem}")]
    private static partial void LogHidden(ILogger logger, string problem);
}
