using EgressAgent.Model;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Status;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Engine.Reconcile;

/// <summary>Writes what became of routers to the log: what is wrong once, when it begins, and under the same id when it is over.</summary>
internal sealed partial class RouterJournal(ILogger logger)
{
    private static readonly Dictionary<TroubleKind, TroubleEvent> Events = new()
    {
        [TroubleKind.Waiting] = new(LogLevel.Warning, EventIds.Waiting, nameof(EventIds.Waiting), "{Router}: {Problem} ({Reason})"),
        [TroubleKind.Failed] = new(
            LogLevel.Error, EventIds.Failed, nameof(EventIds.Failed), "{Router}: {Problem} ({Reason}); it is tried again, with growing pauses"),
        [TroubleKind.Held] = new(
            LogLevel.Error, EventIds.Failed, nameof(EventIds.Failed), "{Router}: {Problem} ({Reason}); it is taken as soon as it is free, which is asked every 2 s"),
        [TroubleKind.Shortcoming] = new(LogLevel.Warning, EventIds.Shortcoming, nameof(EventIds.Shortcoming), "{Router}: in force, but {Problem} ({Reason})"),
        [TroubleKind.Contested] = new(LogLevel.Warning, EventIds.Contested, nameof(EventIds.Contested), "{Router}: {Problem} ({Reason})"),
        [TroubleKind.Fight] = new(LogLevel.Error, EventIds.Fight, nameof(EventIds.Fight), "{Router}: {Problem} ({Reason})"),
    };

    internal void Tell(RouterTransition transition)
    {
        if (transition.After?.Desired?.Role is { } role && role != (transition.Before?.Desired?.Role ?? FailoverRole.None))
        {
            LogFailover(transition.Key, Describe(role, transition.Before?.Desired?.Role));
        }

        foreach (Trouble over in transition.Over)
        {
            Events[over.Kind].Over(logger, transition.Key, over.End ?? $"over: {over.Message}", over.Reason, null);
        }

        foreach (Trouble begun in transition.Begun)
        {
            Events[begun.Kind].Begun(logger, transition.Key, begun.Message, begun.Reason, null);
        }

        if (transition is { IsNewlyInForce: true, After.Desired: { } desired })
        {
            LogInForce(transition.Key, desired.Redirect.Rules.Count, SourcesOf(desired), desired.Macvlan.Master);
        }
        else if (transition.After is null)
        {
            LogRemoved(transition.Key);
        }
    }

    private static string Describe(FailoverRole role, FailoverRole? before) => role switch
    {
        FailoverRole.Holder => "claimed on this node, until it is released",
        FailoverRole.Standby when before == FailoverRole.Holder => $"released on this node; {RouterNames.OutsideLink} is down and all flows are ended",
        FailoverRole.Standby => $"standby on this node; {RouterNames.OutsideLink} is down until the router is claimed",
        _ => "on this node alone, as its file names no fail-over any more",
    };

    private static string SourcesOf(DesiredRouter desired) => string.Join(", ", desired.Redirect.Families.Select(family => family.Source));

    [LoggerMessage(EventId = EventIds.InForce, EventName = nameof(EventIds.InForce), Level = LogLevel.Information,
        Message = "{Router}: in force, {Rules} rules, leaving as {SourceAddresses} by {Master}")]
    private partial void LogInForce(RouterKey router, int rules, string sourceAddresses, string master);

    [LoggerMessage(EventId = EventIds.Failover, EventName = nameof(EventIds.Failover), Level = LogLevel.Information, Message = "{Router}: {Role}")]
    private partial void LogFailover(RouterKey router, string role);

    [LoggerMessage(EventId = EventIds.Removed, EventName = nameof(EventIds.Removed), Level = LogLevel.Information, Message = "{Router}: removed")]
    private partial void LogRemoved(RouterKey router);

    private sealed class TroubleEvent(LogLevel level, int id, string name, string template)
    {
        internal Action<ILogger, RouterKey, string, string, Exception?> Begun { get; } =
            LoggerMessage.Define<RouterKey, string, string>(level, new EventId(id, name), template);

        internal Action<ILogger, RouterKey, string, string, Exception?> Over { get; } =
            LoggerMessage.Define<RouterKey, string, string>(LogLevel.Information, new EventId(id, name), "{Router}: {Problem} ({Reason})");
    }
}
