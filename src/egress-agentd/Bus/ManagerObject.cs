using System.Net;
using EgressAgent.Engine.Reconcile;
using EgressAgent.Engine.Traffic;
using EgressAgent.Linux;
using EgressAgent.Linux.Bus;
using EgressAgent.Model;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Status;
using Tmds.DBus.Protocol;

namespace EgressAgent.Daemon.Bus;

/// <summary>The agent itself on the bus. Belongs to the bus's loop.</summary>
/// <param name="routersDirectory">Whose files everyone may have checked.</param>
/// <param name="finder">Who knows what was behind a source address; it belongs to the caller.</param>
/// <param name="services">What is known of Services.</param>
/// <param name="reload">Makes the agent look at all files again.</param>
internal sealed class ManagerObject(string routersDirectory, FlowFinder finder, ServiceBoard services, Action reload)
{
    // PATH_MAX
    private const int MaxPathBytes = 4096;
    private const int MaxNameBytes = 255;

    internal static readonly BusInterface<ManagerObject> Interface = new BusInterfaceBuilder<ManagerObject>(BusNames.Manager)
        .Method("ListRouters", [], [("a(sssso)", "routers")], BusAccess.Everyone, ListRouters)
        .Method("GetRouter", [("s", "namespace"), ("s", "name")], [("o", "router")], BusAccess.Everyone, GetRouter)
        .Method(
            "Explain",
            [("s", "namespace"), ("s", "name"), ("s", "packet"), ("s", "client")],
            [("a(ssssssas)", "answers")],
            BusAccess.Everyone,
            Explain)
        .Method(
            "ExplainTo",
            [("s", "namespace"), ("s", "name"), ("s", "packet"), ("s", "client"), ("s", "address")],
            [("a(ssssssas)", "answers")],
            BusAccess.Everyone,
            ExplainTo)
        .SlowMethod(
            "FindFlow",
            [("s", "address"), ("q", "port"), ("s", "protocol"), ("t", "at")],
            [("aa{sv}", "flows")],
            BusAccess.JournalReaders,
            FindFlowAsync)
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
    private readonly FlowFinder _finder = finder;
    private readonly ServiceBoard _services = services;
    private readonly Action _reload = reload;

    internal SortedDictionary<RouterKey, RouterObject> Routers { get; } = [];

    /// <summary>Whether the first pass over all routers is over.</summary>
    internal bool IsReady { get; set; }

    /// <summary>All that stands wrong in the files, whether or not it belongs to a router.</summary>
    internal ValueList<Diagnostic> Faults { get; set; } = [];

    private string State => !IsReady ? "starting" : DegradedCount == 0 && Faults.Count == 0 ? "running" : "degraded";

    private uint DegradedCount => (uint)Routers.Values.Count(router => router.Status.State is not (RouterState.Active or RouterState.Standby or RouterState.Configuring or RouterState.Removing));

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
            reply.WriteObjectPath(RouterObject.PathOf(status.Key));
        }

        reply.WriteArrayEnd(routers);
    }

    private static void GetRouter(ManagerObject manager, BusMethodCall call, ref MessageWriter reply)
    {
        Reader arguments = call.Arguments;
        reply.WriteObjectPath(RouterObject.PathOf(manager.Find(ref arguments).Status.Key));
    }

    private static void Explain(ManagerObject manager, BusMethodCall call, ref MessageWriter reply)
    {
        Reader arguments = call.Arguments;
        RouterObject router = manager.Find(ref arguments);
        WriteAnswers(RouterExplanation.Explain(router.Status, ReadPacket(ref arguments)), ref reply);
    }

    private static void ExplainTo(ManagerObject manager, BusMethodCall call, ref MessageWriter reply)
    {
        Reader arguments = call.Arguments;
        RouterObject router = manager.Find(ref arguments);
        ClientPacket packet = ReadPacket(ref arguments);
        string text = arguments.ReadText(MaxNameBytes);
        if (!IPAddress.TryParse(text, out IPAddress? address))
        {
            throw new BusException(BusErrorNames.InvalidArgs, $"{text} is no IP address");
        }

        if (packet.Client is { } client && client.AddressFamily != address.AddressFamily)
        {
            throw new BusException(BusErrorNames.InvalidArgs, $"{client} sends nothing to {address}, which is of the other family");
        }

        IReadOnlyList<ServiceStatus> services = manager._services.All;
        if (packet.Client is null && services.Any(service => HasExternal(service, address)))
        {
            throw new BusException(BusErrorNames.InvalidArgs, $"{address} is for other machines of the physical network: say which one sends (egressctl explain --from ADDRESS)");
        }

        WriteAnswers([RouterExplanation.Explain(router.Status, packet, address, services)], ref reply);
    }

    private static bool HasExternal(ServiceStatus service, IPAddress address) => service.ExternalAddresses.Any(external => external.Address.Equals(address));

    /// <exception cref="BusException">It is none.</exception>
    private static ClientPacket ReadPacket(ref Reader arguments)
    {
        string packet = arguments.ReadText(MaxNameBytes);
        string client = arguments.ReadText(MaxNameBytes);
        IPAddress? address = null;
        if (client.Length > 0 && !IPAddress.TryParse(client, out address))
        {
            throw new BusException(BusErrorNames.InvalidArgs, $"{client} is no IP address");
        }

        return ClientPacket.TryParse(packet, address, out ClientPacket? sent)
            ? sent
            : throw new BusException(BusErrorNames.InvalidArgs, $"{packet} is no packet: say tcp/8080, 8080/tcp or icmp (the protocols are tcp, udp and sctp)");
    }

    private static void WriteAnswers(IReadOnlyList<PacketExplanation> explained, ref MessageWriter reply)
    {
        ArrayStart answers = reply.WriteArrayStart(DBusType.Struct);
        foreach (PacketExplanation answer in explained)
        {
            reply.WriteStructureStart();
            reply.WriteText(answer.Fate.ToString().ToLowerInvariant());
            reply.WriteText(answer.Client?.ToString() ?? "");
            reply.WriteText(answer.Inside?.ToString() ?? "");
            reply.WriteText(answer.Rule);
            reply.WriteText(answer.Source?.ToString() ?? "");
            reply.WriteText(answer.Destination?.ToString() ?? "");
            reply.WriteTexts(answer.Why);
        }

        reply.WriteArrayEnd(answers);
    }

    /// <exception cref="BusException"><see cref="BusNames.NoSuchRouter"/></exception>
    private RouterObject Find(ref Reader arguments)
    {
        var key = new RouterKey(arguments.ReadText(MaxNameBytes), arguments.ReadText(MaxNameBytes));
        return Routers.GetValueOrDefault(key) ?? throw new BusException(BusNames.NoSuchRouter, $"there is no router {key}");
    }

    private static async Task<BusBody> FindFlowAsync(ManagerObject manager, BusMethodCall call)
    {
        Reader arguments = call.Arguments;
        string address = arguments.ReadText(MaxNameBytes);
        ushort port = arguments.ReadUInt16();
        string protocol = arguments.ReadText(MaxNameBytes);
        ulong at = arguments.ReadUInt64();
        if (!FlowSource.TryCreate(address, port, protocol, out FlowSource? source))
        {
            throw new BusException(BusErrorNames.InvalidArgs, $"{address}, {port}, {protocol} is no source of a flow: say {FlowSource.Form}");
        }

        if (at > BusFlows.LastMicrosecond)
        {
            throw new BusException(BusErrorNames.InvalidArgs, $"{at} is no time: say it in microseconds since 1970");
        }

        try
        {
            FlowFinding finding = await manager._finder.FindAsync(source, DateTimeOffset.UnixEpoch.AddMicroseconds(at)).ConfigureAwait(false);
            return (ref MessageWriter body) => BusFlows.Write(finding, ref body);
        }
        catch (LinuxException refusal)
        {
            throw new BusException(BusErrorNames.Failed, $"the records cannot be read: {refusal.Message}");
        }
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
