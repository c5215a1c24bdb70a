using EgressAgent.Linux.Bus;
using EgressAgent.Model;
using EgressAgent.Model.Status;
using EgressAgent.Model.Validation;
using Tmds.DBus.Protocol;

namespace EgressAgent.Daemon.Bus;

/// <summary>The agent itself on the bus. Belongs to the bus's loop.</summary>
/// <param name="routersDirectory">Whose files everyone may have checked.</param>
/// <param name="reload">Makes the agent look at all files again.</param>
internal sealed class ManagerObject(string routersDirectory, Action reload)
{
    // PATH_MAX
    private const int MaxPathBytes = 4096;
    private const int MaxNameBytes = 255;

    internal static readonly BusInterface<ManagerObject> Interface = new BusInterfaceBuilder<ManagerObject>(BusNames.Manager)
        .Method("ListRouters", [], [("a(sssso)", "routers")], BusAccess.Everyone, ListRouters)
        .Method("GetRouter", [("s", "namespace"), ("s", "name")], [("o", "router")], BusAccess.Everyone, GetRouter)
        .SlowMethod("Reload", [], [], BusAccess.Privileged, ReloadAsync)
        .SlowMethod("Check", [("s", "path")], [("a(suuss)", "findings")], BusAccess.Everyone, CheckAsync)
        .Property("Version", "s", BusPropertyChange.Constant, (_, ref value) => value.WriteText(AgentVersion.Text))
        .Property("RouterCount", "u", BusPropertyChange.Emits, (manager, ref value) => value.WriteUInt32((uint)manager.Routers.Count))
        .Property("DegradedCount", "u", BusPropertyChange.Emits, (manager, ref value) => value.WriteUInt32(manager.DegradedCount))
        .Property("State", "s", BusPropertyChange.Emits, (manager, ref value) => value.WriteText(manager.State))
        .Property("FaultCount", "u", BusPropertyChange.Emits, (manager, ref value) => value.WriteUInt32((uint)manager.Faults.Count))
        .Property("Faults", "a(suuss)", BusPropertyChange.Emits, (manager, ref value) => WriteFindings(manager.Faults.Take(MaxFaults), ref value))
        .Signal("RouterAdded", [("s", "namespace"), ("s", "name"), ("o", "router")])
        .Signal("RouterRemoved", [("s", "namespace"), ("s", "name"), ("o", "router")])
        .Build();

    /// <summary>What follows from the routers.</summary>
    internal static readonly string[] CountingProperties = ["RouterCount", "DegradedCount", "State"];

    /// <summary>What follows from the files.</summary>
    internal static readonly string[] FaultProperties = ["State", "FaultCount", "Faults"];

    // More than anyone reads, in a property that is sent with every change of it.
    private const int MaxFaults = 100;

    private readonly string _routersDirectory = Path.GetFullPath(routersDirectory);
    private readonly Action _reload = reload;

    internal SortedDictionary<RouterKey, RouterObject> Routers { get; } = [];

    /// <summary>Whether the first pass over all routers is over.</summary>
    internal bool IsReady { get; set; }

    /// <summary>All that stands wrong in the files, whether or not it belongs to a router.</summary>
    internal ValueList<Diagnostic> Faults { get; set; } = [];

    private string State => !IsReady ? "starting" : DegradedCount == 0 && Faults.Count == 0 ? "running" : "degraded";

    private uint DegradedCount => (uint)Routers.Values.Count(router => router.Status.State is not (RouterState.Active or RouterState.Configuring or RouterState.Removing));

    private static void ListRouters(ManagerObject manager, BusMethodCall call, ref MessageWriter reply)
    {
        ArrayStart routers = reply.WriteArrayStart(DBusType.Struct);
        foreach (RouterStatus status in manager.Routers.Values.Select(router => router.Status))
        {
            reply.WriteStructureStart();
            reply.WriteText(status.Key.Namespace);
            reply.WriteText(status.Key.Name);
            reply.WriteText(status.State.ToText());
            reply.WriteText(status.File);
            reply.WriteObjectPath(BusNames.PathOf(status.Key));
        }

        reply.WriteArrayEnd(routers);
    }

    private static void GetRouter(ManagerObject manager, BusMethodCall call, ref MessageWriter reply)
    {
        Reader arguments = call.Arguments;
        var key = new RouterKey(arguments.ReadText(MaxNameBytes), arguments.ReadText(MaxNameBytes));
        if (!manager.Routers.ContainsKey(key))
        {
            throw new BusException(BusNames.NoSuchRouter, $"there is no router {key}");
        }

        reply.WriteObjectPath(BusNames.PathOf(key));
    }

    private static async Task<BusBody> ReloadAsync(ManagerObject manager, BusMethodCall call)
    {
        await Task.Factory.StartNew(manager._reload, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
        return (ref MessageWriter _) => { };
    }

    // A finding quotes what it complains about, so the agent reads for others only what is meant to be read.
    private static async Task<BusBody> CheckAsync(ManagerObject manager, BusMethodCall call)
    {
        Reader arguments = call.Arguments;
        string path = Path.GetFullPath(arguments.ReadText(MaxPathBytes), "/");
        bool isRouters = path == manager._routersDirectory || path.StartsWith(manager._routersDirectory + "/", StringComparison.Ordinal);
        if (!isRouters && (await call.GetCallerAsync().ConfigureAwait(false)).User != 0)
        {
            throw new BusException(BusErrorNames.AccessDenied, $"only root may have files outside {manager._routersDirectory} checked");
        }

        IReadOnlyList<Diagnostic> findings = await BusCheck.RunAsync(path, manager._routersDirectory).ConfigureAwait(false);
        return (ref MessageWriter body) => WriteFindings(findings, ref body);
    }

    private static void WriteFindings(IEnumerable<Diagnostic> findings, ref MessageWriter body)
    {
        ArrayStart array = body.WriteArrayStart(DBusType.Struct);
        foreach (Diagnostic finding in findings)
        {
            body.WriteStructureStart();
            body.WriteText(finding.Location.File);
            body.WriteUInt32((uint)finding.Location.Line);
            body.WriteUInt32((uint)finding.Location.Column);
            body.WriteText(finding.Field);
            body.WriteText(finding.Severity == DiagnosticSeverity.Warning ? $"warning: {finding.Message}" : finding.Message);
        }

        body.WriteArrayEnd(array);
    }
}
