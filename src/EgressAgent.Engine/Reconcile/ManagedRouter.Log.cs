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

    [LoggerMessage(EventId = EventIds.Fight, EventName = nameof(EventIds.Fight), Level = LogLevel.Error,
        Message = "{Router}: somebody keeps undoing what the agent repairs, so it is repaired less and less often: {Steps}")]
    private partial void LogFight(RouterKey router, string steps);

    [LoggerMessage(EventId = EventIds.FightOver, EventName = nameof(EventIds.FightOver), Level = LogLevel.Information,
        Message = "{Router}: nobody undoes it any more")]
    private partial void LogFightOver(RouterKey router);

    [LoggerMessage(EventId = EventIds.WorkerFailed, EventName = nameof(EventIds.WorkerFailed), Level = LogLevel.Error,
        Message = "{Router}: unexpected error, please report it")]
    private partial void LogUnexpected(RouterKey router, Exception exception);

    [LoggerMessage(EventId = EventIds.Waiting, EventName = nameof(EventIds.Waiting), Level = LogLevel.Warning, Message = "{Router}: {Reason}")]
    private partial void LogWaiting(RouterKey router, string reason);

    [LoggerMessage(EventId = EventIds.InForce, EventName = nameof(EventIds.InForce), Level = LogLevel.Information,
        Message = "{Router}: in force, {Rules} rules, leaving as {SourceAddresses} by {Master}")]
    private partial void LogInForce(RouterKey router, int rules, string sourceAddresses, string master);

    [LoggerMessage(EventId = EventIds.Failed, EventName = nameof(EventIds.Failed), Level = LogLevel.Error,
        Message = "{Router}: {Reason}: {Error}; trying again in {Seconds} s")]
    private partial void LogFailed(RouterKey router, string reason, string error, double seconds);

    [LoggerMessage(EventId = EventIds.Shortcoming, EventName = nameof(EventIds.Shortcoming), Level = LogLevel.Warning,
        Message = "{Router}: in force, but {Reason}")]
    private partial void LogShortcoming(RouterKey router, string reason);

    [LoggerMessage(EventId = EventIds.Contested, EventName = nameof(EventIds.Contested), Level = LogLevel.Warning, Message = "{Router}: {Reason}")]
    private partial void LogContested(RouterKey router, string reason);

    [LoggerMessage(EventId = EventIds.ContestOver, EventName = nameof(EventIds.ContestOver), Level = LogLevel.Information,
        Message = "{Router}: no other host uses {Address} any more")]
    private partial void LogContestOver(RouterKey router, string address);

    [LoggerMessage(EventId = EventIds.Removed, EventName = nameof(EventIds.Removed), Level = LogLevel.Information, Message = "{Router}: removed")]
    private partial void LogRemoved(RouterKey router);
}
