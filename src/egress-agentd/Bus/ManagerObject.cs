using EgressAgent.Daemon.Watch;
using EgressAgent.Linux.Bus;
using EgressAgent.Model;
using EgressAgent.Model.Status;
using EgressAgent.Model.Validation;

namespace EgressAgent.Daemon.Bus;

/// <summary>The agent itself on the bus. Bus thread only.</summary>
/// <param name="routersDirectory">Whose files everyone may have checked.</param>
/// <param name="reload">Makes the agent look at all files again.</param>
internal sealed class ManagerObject(string routersDirectory, Action reload)
{
    internal static readonly BusInterface<ManagerObject> Interface = new BusInterfaceBuilder<ManagerObject>(BusNames.Manager)
        .Method("ListRouters", [], [("a(sssso)", "routers")], BusAccess.Everyone, ListRouters)
        .Method("GetRouter", [("s", "namespace"), ("s", "name")], [("o", "router")], BusAccess.Everyone, GetRouter)
        .Method("Reload", [], [], BusAccess.Privileged, (manager, _) => manager._reload())
        .Method("Check", [("s", "path")], [("a(suuss)", "findings")], BusAccess.Everyone, Check)
        .Property("Version", "s", BusPropertyChange.Constant, (_, value) => value.WriteString(AgentVersion.Text))
        .Property("RouterCount", "u", BusPropertyChange.Emits, (manager, value) => value.WriteUInt32((uint)manager.Routers.Count))
        .Property("DegradedCount", "u", BusPropertyChange.Emits, (manager, value) => value.WriteUInt32(manager.DegradedCount))
        .Property("State", "s", BusPropertyChange.Emits, (manager, value) => value.WriteString(manager.DegradedCount == 0 ? "running" : "degraded"))
        .Signal("RouterAdded", [("s", "namespace"), ("s", "name"), ("o", "router")])
        .Signal("RouterRemoved", [("s", "namespace"), ("s", "name"), ("o", "router")])
        .Build();

    internal static readonly string[] ChangingProperties = ["RouterCount", "DegradedCount", "State"];

    private readonly string _routersDirectory = Path.GetFullPath(routersDirectory);
    private readonly Action _reload = reload;

    internal SortedDictionary<RouterKey, RouterObject> Routers { get; } = [];

    private uint DegradedCount => (uint)Routers.Values.Count(router => router.Status.State is not (RouterState.Active or RouterState.Configuring or RouterState.Removing));

    private static void ListRouters(ManagerObject manager, BusMethodCall call)
    {
        BusMessageWriter reply = call.Reply;
        reply.OpenArray("(sssso)");
        foreach (RouterStatus status in manager.Routers.Values.Select(router => router.Status))
        {
            reply.OpenStruct("sssso");
            reply.WriteString(status.Key.Namespace);
            reply.WriteString(status.Key.Name);
            reply.WriteString(status.State.ToText());
            reply.WriteString(status.File);
            reply.WriteObjectPath(BusNames.PathOf(status.Key));
            reply.Close();
        }

        reply.Close();
    }

    private static void GetRouter(ManagerObject manager, BusMethodCall call)
    {
        BusMessageReader arguments = call.Arguments;
        var key = new RouterKey(arguments.ReadString(), arguments.ReadString());
        if (!manager.Routers.ContainsKey(key))
        {
            throw new BusException(BusNames.NoSuchRouter, $"there is no router {key}");
        }

        call.Reply.WriteObjectPath(BusNames.PathOf(key));
    }

    // A finding quotes what it complains about, so the agent reads for others only what is meant to be read.
    private static void Check(ManagerObject manager, BusMethodCall call)
    {
        string path = Path.GetFullPath(call.Arguments.ReadString(), "/");
        bool isRouters = path == manager._routersDirectory || path.StartsWith(manager._routersDirectory + "/", StringComparison.Ordinal);
        if (!isRouters && call.GetCallerUid() != 0)
        {
            throw new BusException(BusErrorNames.AccessDenied, $"only root may have files outside {manager._routersDirectory} checked");
        }

        BusDeferredReply reply = call.Defer();
        ThreadPool.QueueUserWorkItem(_ => Check(path, reply));
    }

    private static void Check(string path, BusDeferredReply reply)
    {
        try
        {
            RouterFileCheck check = RouterFileCheck.Run([path]);
            if (check.Missing.Count > 0)
            {
                throw new BusException(BusErrorNames.InvalidArgs, $"{path}: no such file or directory");
            }

            reply.Complete(body => WriteFindings(body, check.Findings));
        }
        catch (Exception exception) when (exception is BusException or IOException or UnauthorizedAccessException)
        {
            reply.Fail(exception);
        }
    }

    private static void WriteFindings(BusMessageWriter body, IReadOnlyList<Diagnostic> findings)
    {
        body.OpenArray("(suuss)");
        foreach (Diagnostic finding in findings)
        {
            body.OpenStruct("suuss");
            body.WriteString(finding.Location.File);
            body.WriteUInt32((uint)finding.Location.Line);
            body.WriteUInt32((uint)finding.Location.Column);
            body.WriteString(finding.Field);
            body.WriteString(finding.Message);
            body.Close();
        }

        body.Close();
    }
}
