using EgressAgent.Model;
using EgressAgent.Model.Validation;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Engine.Registry;

/// <summary>What is wrong with files and state is told once, when it begins, and when it is over.</summary>
public sealed partial class ResourceRegistry
{
    /// <summary>Something that is wrong, and the event as which it is told.</summary>
    private sealed record Finding(int EventId, Diagnostic Diagnostic)
    {
        /// <summary>What has to be right for it to be over.</summary>
        internal (int EventId, string File) Subject => (EventId, Diagnostic.Location.File);
    }

    /// <summary>Tells what is different from before. True when something is.</summary>
    private bool NoteFindings()
    {
        HashSet<Finding> standing =
        [
            .. _files.Values.SelectMany(file => file.AllDiagnostics).Concat(_conflicts)
                .Select(finding => new Finding(finding.Severity == DiagnosticSeverity.Error ? EventIds.FileFault : EventIds.FileWarning, finding)),
            .. _settings.Select(finding => new Finding(
                finding.Severity == DiagnosticSeverity.Error ? EventIds.SettingsFault : EventIds.SettingsWarning, finding)),
            .. new[] { _directoryFault, _stateFault }.OfType<Finding>(),
        ];
        if (_findings.SetEquals(standing))
        {
            return false;
        }

        foreach (Finding finding in standing.Except(_findings).OrderBy(finding => finding.Diagnostic.Location.File).ThenBy(finding => finding.Diagnostic.Location.Line))
        {
            LogBegun(finding);
        }

        foreach ((int eventId, string file) in _findings.Select(finding => finding.Subject).Except(standing.Select(finding => finding.Subject)))
        {
            LogOver(eventId, file);
        }

        _findings.Clear();
        _findings.UnionWith(standing);
        return true;
    }

    private void LogBegun(Finding finding)
    {
        Diagnostic fault = finding.Diagnostic;
        switch (finding.EventId)
        {
            case EventIds.FileFault:
                LogFault(fault);
                break;
            case EventIds.FileWarning:
                LogWarning(fault);
                break;
            case EventIds.SettingsFault:
                LogSettingsFault(fault);
                break;
            case EventIds.SettingsWarning:
                LogSettingsWarning(fault);
                break;
            case EventIds.DirectoryUnreadable:
                LogDirectory(fault.Location.File, fault.Message);
                break;
            default:
                LogState(fault.Location.File, fault.Message);
                break;
        }
    }

    private void LogOver(int eventId, string file)
    {
        switch (eventId)
        {
            case EventIds.FileFault:
                LogFaultOver(file);
                break;
            case EventIds.FileWarning:
                LogWarningOver(file);
                break;
            case EventIds.DirectoryUnreadable:
                LogDirectoryOver(file);
                break;
            default:
                LogStateOver(file);
                break;
        }
    }

    [LoggerMessage(EventId = EventIds.Accepted, EventName = nameof(EventIds.Accepted), Level = LogLevel.Information,
        Message = "{Router}: generation {Generation} accepted from {Location}; inside {InsideAddresses}, MAC {Mac}")]
    private partial void LogAccepted(RouterKey router, long generation, string location, string insideAddresses, string mac);

    [LoggerMessage(EventId = EventIds.FileFault, EventName = nameof(EventIds.FileFault), Level = LogLevel.Error, Message = "{Finding}")]
    private partial void LogFault(Diagnostic finding);

    [LoggerMessage(EventId = EventIds.FileFault, Level = LogLevel.Information, Message = "{File}: nothing is wrong any more")]
    private partial void LogFaultOver(string file);

    [LoggerMessage(EventId = EventIds.FileWarning, EventName = nameof(EventIds.FileWarning), Level = LogLevel.Warning, Message = "{Finding}")]
    private partial void LogWarning(Diagnostic finding);

    [LoggerMessage(EventId = EventIds.FileWarning, Level = LogLevel.Information, Message = "{File}: no warning any more")]
    private partial void LogWarningOver(string file);

    // Settings are read at the start alone, so that it is never over while the agent runs.
    [LoggerMessage(EventId = EventIds.SettingsFault, EventName = nameof(EventIds.SettingsFault), Level = LogLevel.Error, Message = "{Finding}")]
    private partial void LogSettingsFault(Diagnostic finding);

    [LoggerMessage(EventId = EventIds.SettingsWarning, EventName = nameof(EventIds.SettingsWarning), Level = LogLevel.Warning, Message = "{Finding}")]
    private partial void LogSettingsWarning(Diagnostic finding);

    [LoggerMessage(EventId = EventIds.DirectoryUnreadable, EventName = nameof(EventIds.DirectoryUnreadable), Level = LogLevel.Warning,
        Message = "{Directory}: {Problem}")]
    private partial void LogDirectory(string directory, string problem);

    [LoggerMessage(EventId = EventIds.DirectoryUnreadable, Level = LogLevel.Information, Message = "{Directory}: the files are read again")]
    private partial void LogDirectoryOver(string directory);

    [LoggerMessage(EventId = EventIds.StateNotSaved, EventName = nameof(EventIds.StateNotSaved), Level = LogLevel.Error, Message = "{Database}: {Problem}")]
    private partial void LogState(string database, string problem);

    [LoggerMessage(EventId = EventIds.StateNotSaved, Level = LogLevel.Information, Message = "{Database}: the state is saved again")]
    private partial void LogStateOver(string database);
}
