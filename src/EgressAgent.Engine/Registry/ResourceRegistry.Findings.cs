using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Records;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Engine.Registry;

/// <summary>What is wrong with files and state is told once, when it begins, and when it is over.</summary>
public sealed partial class ResourceRegistry
{
    private readonly HashSet<Finding> _findings = [];
    private Finding? _stateFault;
    private ValueList<Finding> _nodeLimits = [];
    private NodeTables _tables = NodeTables.Unknown;
    private ValueList<Finding> _flowRecords = [];
    private ulong _lostFlowRecords;
    private ValueList<Diagnostic> _settings = [];
    private ValueList<Diagnostic> _names = [];
    private ValueList<Diagnostic> _resolvers = [];

    /// <summary>All that stands wrong in the files, with the directory and with the state; by file, then by place.</summary>
    public ValueList<Diagnostic> Faults
    {
        get
        {
            lock (_lock)
            {
                return
                [
                    .. _findings.Select(finding => finding.Diagnostic)
                        .Where(fault => fault.Severity == DiagnosticSeverity.Error)
                        .OrderBy(fault => fault.Location.File, StringComparer.Ordinal)
                        .ThenBy(fault => fault.Location.Line)
                        .ThenBy(fault => fault.Location.Column),
                ];
            }
        }
    }

    /// <summary>Notes why the state cannot be read or written, or that it can.</summary>
    internal void NoteState(string path, string? fault) =>
        Note(() => _stateFault = fault is null ? null : new Finding(EventIds.StateNotSaved, new Diagnostic(new SourceLocation(path, 0, 0), "", fault)));

    /// <summary>Notes what is wrong with the agent's settings, or odd about them.</summary>
    public void NoteSettings(ValueList<Diagnostic> findings) => Note(() => _settings = findings);

    /// <summary>Notes the limits of the node that are reached, and what the tables take that routers share.</summary>
    public void NoteNodeLimits(ValueList<ReachedLimit> limits, NodeTables tables) => Note(() =>
    {
        _nodeLimits = limits
            .Select(limit => new Finding(EventIds.NodeLimit, new Diagnostic(new SourceLocation(limit.Sysctl, 0, 0), "", limit.Problem))).ToValueList();
        _tables = tables;
    });

    /// <summary>Notes what is wrong with the records of flows.</summary>
    /// <param name="socket">Where they go.</param>
    /// <param name="state">How it goes.</param>
    public void NoteFlowRecords(string socket, FlowRecorderState state) => Note(() =>
    {
        _lostFlowRecords = state.Lost;
        _flowRecords =
        [
            .. new[] { (EventIds.FlowRecordsNotWritten, Problem: state.NotWritten), (EventIds.FlowRecordsLost, Problem: state.Loss) }
                .Where(trouble => trouble.Problem is not null)
                .Select(trouble => new Finding(trouble.Item1, new Diagnostic(new SourceLocation(socket, 0, 0), "", trouble.Problem!))),
        ];
    });

    /// <summary>Notes what is wrong with the places where names are written, or odd about the names there.</summary>
    public void NoteNames(ValueList<Diagnostic> findings) => Note(() => _names = findings);

    /// <summary>Notes what is wrong with the files by which processes in the netns of routers find name servers.</summary>
    public void NoteResolvers(ValueList<Diagnostic> findings) => Note(() => _resolvers = findings);

    /// <summary>Something that is wrong, and the event as which it is told.</summary>
    private sealed record Finding(int EventId, Diagnostic Diagnostic)
    {
        /// <summary>What has to be right for it to be over.</summary>
        internal (int EventId, string File) Subject => (EventId, Diagnostic.Location.File);
    }

    private void Note(Action set)
    {
        bool isChanged;
        lock (_lock)
        {
            set();
            isChanged = NoteFindings();
        }

        Publish(new RegistryChange([], isChanged));
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
            .. _names.Concat(_resolvers).Select(finding => new Finding(
                finding.Severity == DiagnosticSeverity.Error ? EventIds.NamesFault : EventIds.NamesWarning, finding)),
            .. NodeRoom.Find(_resources.Values.Select(resource => resource.WantedResource).OfType<EgressRouterResource>(), _tables)
                .Select(finding => new Finding(EventIds.NodeRoom, finding)),
            .. new[] { _directoryFault, _stateFault }.OfType<Finding>().Concat(_nodeLimits).Concat(_flowRecords),
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
            case EventIds.NodeLimit:
                LogNodeLimit(fault.Location.File, fault.Message);
                break;
            case EventIds.NodeRoom:
                LogNodeRoom(fault.Location.File, fault.Message);
                break;
            case EventIds.FlowRecordsNotWritten:
                LogFlowRecords(fault.Location.File, fault.Message);
                break;
            case EventIds.FlowRecordsLost:
                LogFlowRecordsLost(fault.Location.File, fault.Message);
                break;
            case EventIds.NamesFault:
                LogNames(fault.Location.File, fault.Message);
                break;
            case EventIds.NamesWarning:
                LogNamesWarning(fault.Location.File, fault.Message);
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
            case EventIds.NodeLimit:
                LogNodeLimitOver(file);
                break;
            case EventIds.NodeRoom:
                LogNodeRoomOver(file);
                break;
            case EventIds.FlowRecordsNotWritten:
                LogFlowRecordsOver(file);
                break;
            case EventIds.FlowRecordsLost:
                LogFlowRecordsLostOver(file, _lostFlowRecords);
                break;
            case EventIds.NamesFault:
                LogNamesOver(file);
                break;
            case EventIds.NamesWarning:
                LogNamesWarningOver(file);
                break;
            default:
                LogStateOver(file);
                break;
        }
    }

    private void LogAccepted(RegisteredResource resource)
    {
        string addresses = resource.Addresses.Count == 0 ? "no address yet" : string.Join(", ", resource.Addresses);
        if (resource is RegisteredRouter router)
        {
            LogRouterAccepted(router.Key, router.Generation, router.Source.ToString(), addresses, router.Allocation!.Mac.ToColonString());
        }
        else
        {
            LogServiceAccepted($"{resource.Id.Namespace}/{resource.Id.Name}", resource.Generation, resource.Source.ToString(), addresses);
        }
    }

    [LoggerMessage(EventId = EventIds.Accepted, EventName = nameof(EventIds.Accepted), Level = LogLevel.Information,
        Message = "{Router}: generation {Generation} accepted from {Location}; inside {InsideAddresses}, MAC {Mac}")]
    private partial void LogRouterAccepted(RouterKey router, long generation, string location, string insideAddresses, string mac);

    [LoggerMessage(EventId = EventIds.Accepted, Level = LogLevel.Information,
        Message = "Service {Service}: generation {Generation} accepted from {Location}; at {Addresses}")]
    private partial void LogServiceAccepted(string service, long generation, string location, string addresses);

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

    [LoggerMessage(EventId = EventIds.NodeLimit, EventName = nameof(EventIds.NodeLimit), Level = LogLevel.Error, Message = "{Sysctl}: {Problem}")]
    private partial void LogNodeLimit(string sysctl, string problem);

    [LoggerMessage(EventId = EventIds.NodeLimit, Level = LogLevel.Information, Message = "{Sysctl}: nothing is turned away any more")]
    private partial void LogNodeLimitOver(string sysctl);

    [LoggerMessage(EventId = EventIds.NodeRoom, EventName = nameof(EventIds.NodeRoom), Level = LogLevel.Warning, Message = "{Sysctl}: {Problem}")]
    private partial void LogNodeRoom(string sysctl, string problem);

    [LoggerMessage(EventId = EventIds.NodeRoom, Level = LogLevel.Information, Message = "{Sysctl}: there is room enough for the routers again")]
    private partial void LogNodeRoomOver(string sysctl);

    [LoggerMessage(EventId = EventIds.FlowRecordsNotWritten, EventName = nameof(EventIds.FlowRecordsNotWritten), Level = LogLevel.Error,
        Message = "{Socket}: {Problem}")]
    private partial void LogFlowRecords(string socket, string problem);

    [LoggerMessage(EventId = EventIds.FlowRecordsNotWritten, Level = LogLevel.Information, Message = "{Socket}: records of flows are written again")]
    private partial void LogFlowRecordsOver(string socket);

    [LoggerMessage(EventId = EventIds.FlowRecordsLost, EventName = nameof(EventIds.FlowRecordsLost), Level = LogLevel.Error, Message = "{Socket}: {Problem}")]
    private partial void LogFlowRecordsLost(string socket, string problem);

    [LoggerMessage(EventId = EventIds.FlowRecordsLost, Level = LogLevel.Information,
        Message = "{Socket}: no record of a flow is lost any more; {Count} are, since the agent was started")]
    private partial void LogFlowRecordsLostOver(string socket, ulong count);

    [LoggerMessage(EventId = EventIds.NamesFault, EventName = nameof(EventIds.NamesFault), Level = LogLevel.Error, Message = "{File}: {Problem}")]
    private partial void LogNames(string file, string problem);

    [LoggerMessage(EventId = EventIds.NamesFault, Level = LogLevel.Information, Message = "{File}: the names of Services are written again")]
    private partial void LogNamesOver(string file);

    [LoggerMessage(EventId = EventIds.NamesWarning, EventName = nameof(EventIds.NamesWarning), Level = LogLevel.Warning, Message = "{File}: {Problem}")]
    private partial void LogNamesWarning(string file, string problem);

    [LoggerMessage(EventId = EventIds.NamesWarning, Level = LogLevel.Information, Message = "{File}: nothing is odd about the names any more")]
    private partial void LogNamesWarningOver(string file);

    [LoggerMessage(EventId = EventIds.StateNotSaved, EventName = nameof(EventIds.StateNotSaved), Level = LogLevel.Error, Message = "{Database}: {Problem}")]
    private partial void LogState(string database, string problem);

    [LoggerMessage(EventId = EventIds.StateNotSaved, Level = LogLevel.Information, Message = "{Database}: the state is saved again")]
    private partial void LogStateOver(string database);
}
