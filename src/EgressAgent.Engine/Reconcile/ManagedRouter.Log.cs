using EgressAgent.Model;
using EgressAgent.Model.Planning;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Engine.Reconcile;

internal sealed partial class ManagedRouter
{
    // The many kernel settings are a detail; interfaces, addresses, routes and rules are the router's story.
    private void LogStep(RouterStep step, bool isRepeated = false) =>
        LogStep(step is SetSysctl || isRepeated ? LogLevel.Debug : LogLevel.Information, _key, step.ToString());

    [LoggerMessage(EventId = EventIds.Step, EventName = nameof(EventIds.Step), Message = "{Router}: {Step}")]
    private partial void LogStep(LogLevel level, RouterKey router, string step);

    [LoggerMessage(EventId = EventIds.Drift, EventName = nameof(EventIds.Drift), Level = LogLevel.Warning,
        Message = "{Router}: somebody else changed the kernel, repairing: {Steps}")]
    private partial void LogDrift(RouterKey router, string steps);

    [LoggerMessage(EventId = EventIds.Drift, Level = LogLevel.Information, Message = "{Router}: repaired")]
    private partial void LogRepaired(RouterKey router);

    [LoggerMessage(EventId = EventIds.WorkerFailed, EventName = nameof(EventIds.WorkerFailed), Level = LogLevel.Error,
        Message = "{Router}: unexpected error, please report it")]
    private partial void LogUnexpected(RouterKey router, Exception exception);
}
