using EgressAgent.Engine;
using EgressAgent.Model;
using Microsoft.Extensions.Logging;
using Serilog.Extensions.Logging;

namespace EgressAgent.Daemon.Hosting;

/// <summary>Says what is wrong with the agent's settings.</summary>
internal static partial class SettingsReport
{
    /// <summary>Says on what the agent runs when its settings are in error; and what the errors are, where it does not run.</summary>
    internal static void Log(LoadedSettings settings, string path, Serilog.ILogger log)
    {
        using SerilogLoggerFactory factory = new(log);
        Log(settings, path, factory.CreateLogger(typeof(SettingsReport)));
    }

    /// <inheritdoc cref="Log(LoadedSettings, string, Serilog.ILogger)"/>
    internal static void Log(LoadedSettings settings, string path, ILogger logger)
    {
        if (settings.Configuration is null)
        {
            foreach (Diagnostic finding in settings.Findings)
            {
                LogFinding(logger, finding.Severity == DiagnosticSeverity.Error ? LogLevel.Error : LogLevel.Warning, finding);
            }

            LogNoSettings(logger, path);
        }
        else if (settings.IsLastGood)
        {
            LogLastGood(logger, path);
        }
    }

    /// <summary>What is wrong with the settings in one line; null when nothing is.</summary>
    internal static string? Describe(LoadedSettings settings) => settings.Faults.ToArray() is [var first, .. var others]
        ? $"{first}{(others.Length > 0 ? $" (and {others.Length} more)" : "")}"
        : null;

    [LoggerMessage(EventId = EventIds.SettingsFault, EventName = nameof(EventIds.SettingsFault), Message = "{Finding}")]
    private static partial void LogFinding(ILogger logger, LogLevel level, Diagnostic finding);

    [LoggerMessage(EventId = EventIds.SettingsFault, Level = LogLevel.Error,
        Message = "{File} is in error, so the agent runs on the settings of its last start; correct the file and run: systemctl restart egress-agentd")]
    private static partial void LogLastGood(ILogger logger, string file);

    [LoggerMessage(EventId = EventIds.SettingsFault, Level = LogLevel.Critical,
        Message = "{File} is in error, and there are no earlier settings to run on; correct the file and run: systemctl start egress-agentd")]
    private static partial void LogNoSettings(ILogger logger, string file);
}
