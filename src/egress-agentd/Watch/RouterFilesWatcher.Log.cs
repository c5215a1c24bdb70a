using EgressAgent.Engine;
using EgressAgent.Model.Validation;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Daemon.Watch;

internal sealed partial class RouterFilesWatcher
{
    [LoggerMessage(EventId = EventIds.FileFault, EventName = nameof(EventIds.FileFault), Level = LogLevel.Error, Message = "{Finding}")]
    private partial void LogFault(Diagnostic finding);

    [LoggerMessage(EventId = EventIds.FileWarning, EventName = nameof(EventIds.FileWarning), Level = LogLevel.Warning, Message = "{Finding}")]
    private partial void LogWarning(Diagnostic finding);

    [LoggerMessage(EventId = EventIds.DirectoryUnreadable, Level = LogLevel.Warning,
        Message = "{Directory} is not there; waiting for it, and keeping the routers that run")]
    private partial void LogAbsent(string directory);

    [LoggerMessage(EventId = EventIds.DirectoryUnreadable, Level = LogLevel.Warning,
        Message = "{Directory} cannot be read; keeping the routers that run")]
    private partial void LogUnreadable(string directory);

    [LoggerMessage(EventId = EventIds.DirectoryUnreadable, Level = LogLevel.Warning,
        Message = "{Directory} was removed, renamed or unmounted; keeping the routers that run")]
    private partial void LogLost(string directory);

    [LoggerMessage(EventId = EventIds.DirectoryUnreadable, Level = LogLevel.Warning,
        Message = "{Directory} is back, but empty; keeping the routers that run until there is a file in it")]
    private partial void LogEmptyAfterLoss(string directory);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Directory} is there again")]
    private partial void LogFound(string directory);
}
