using EgressAgent.Linux.Bus;
using EgressAgent.Model;
using EgressAgent.Model.Status;
using Tmds.DBus.Protocol;

namespace EgressAgent.Control.Agent;

/// <summary>Asks the running agent. What it throws is what <see cref="BusClient"/> throws.</summary>
internal sealed class AgentClient : IDisposable
{
    private const string Properties = "org.freedesktop.DBus.Properties";
    private const uint FlowsOfAPage = 1000;

    private readonly BusClient _bus;

    private AgentClient(BusClient bus) => _bus = bus;

    internal static async Task<AgentClient> OpenAsync() => new(await BusClient.OpenAsync(BusAddress.System, BusNames.Service).ConfigureAwait(false));

    internal async Task<AgentView> GetAgentAsync()
    {
        PropertyValues agent = await GetAllAsync(BusNames.RootPath, BusNames.Manager).ConfigureAwait(false);
        return new AgentView(
            agent.Text("Version"),
            agent.Text("State"),
            await GetObjectsAsync(BusNames.Router, ReadRouter, router => router.Key).ConfigureAwait(false),
            agent.Structs("Faults", fault => new FaultView(
                fault.GetItem(0).GetString(), fault.GetItem(1).GetUInt32(), fault.GetItem(2).GetUInt32(), fault.GetItem(3).GetString(), fault.GetItem(4).GetString())));
    }

    /// <summary>The names of all routers.</summary>
    internal Task<List<RouterKey>> ListRoutersAsync() => _bus.CallAsync(BusNames.RootPath, BusNames.Manager, "ListRouters", message =>
    {
        Reader reader = message.GetBodyReader();
        List<RouterKey> routers = [];
        ArrayEnd end = reader.ReadArrayStart(DBusType.Struct);
        while (reader.HasNext(end))
        {
            reader.AlignStruct();
            routers.Add(new RouterKey(reader.ReadString(), reader.ReadString()));
            _ = (reader.ReadString(), reader.ReadString(), reader.ReadObjectPathAsString());
        }

        return routers;
    });

    internal async Task<RouterView> GetRouterAsync(RouterKey key) =>
        ReadRouter(await GetAllAsync(await FindAsync(key).ConfigureAwait(false), BusNames.Router).ConfigureAwait(false));

    /// <summary>All Services.</summary>
    internal Task<List<ServiceView>> GetServicesAsync() =>
        GetObjectsAsync(BusNames.ServiceInterface, ReadService, service => new RouterKey(service.Namespace, service.Name));

    /// <summary>The custom resource, as JSON.</summary>
    internal async Task<string> GetResourceAsync(RouterKey key) => await _bus.CallAsync(
        await FindAsync(key).ConfigureAwait(false), BusNames.Router, "GetResource", message => message.GetBodyReader().ReadString()).ConfigureAwait(false);

    /// <summary>Has this node hold the router.</summary>
    internal async Task ClaimAsync(RouterKey key) =>
        await _bus.CallAsync(await FindAsync(key).ConfigureAwait(false), BusNames.Router, "Claim", _ => true).ConfigureAwait(false);

    /// <summary>Has this node be a standby of the router.</summary>
    internal async Task ReleaseAsync(RouterKey key) =>
        await _bus.CallAsync(await FindAsync(key).ConfigureAwait(false), BusNames.Router, "Release", _ => true).ConfigureAwait(false);

    internal Task ReloadAsync() => _bus.CallAsync(BusNames.RootPath, BusNames.Manager, "Reload", _ => true);

    internal async Task<List<FlowView>> ListFlowsAsync(RouterKey key)
    {
        string path = await FindAsync(key).ConfigureAwait(false);
        List<FlowView> flows = [];
        string after = "";
        do
        {
            string from = after;
            after = await _bus.CallAsync(
                path,
                BusNames.Router,
                "ListFlowsPage",
                "su",
                (ref MessageWriter body) =>
                {
                    body.WriteString(from);
                    body.WriteUInt32(FlowsOfAPage);
                },
                message => ReadFlows(message, key, flows)).ConfigureAwait(false);
        }
        while (after.Length > 0);

        return flows;
    }

    internal async Task<List<EventView>> ListEventsAsync(RouterKey key) => await _bus.CallAsync(
        await FindAsync(key).ConfigureAwait(false),
        BusNames.Router,
        "Events",
        message =>
        {
            Reader reader = message.GetBodyReader();
            List<EventView> events = [];
            ArrayEnd end = reader.ReadArrayStart(DBusType.Struct);
            while (reader.HasNext(end))
            {
                reader.AlignStruct();
                events.Add(new EventView(
                    key.ToString(), TimeOf(reader.ReadUInt64()), reader.ReadUInt64(), reader.ReadString(), reader.ReadString(), reader.ReadString()));
            }

            return events;
        }).ConfigureAwait(false);

    /// <param name="key">The router.</param>
    /// <param name="packet">The packet.</param>
    /// <param name="client">Who sends it; empty for the node itself.</param>
    /// <param name="address">The address of a Service that it is sent to; empty for the inside address.</param>
    internal async Task<ExplanationView> ExplainAsync(RouterKey key, string packet, string client, string address)
    {
        List<AnswerView> answers = await _bus.CallAsync(
            BusNames.RootPath,
            BusNames.Manager,
            address.Length == 0 ? "Explain" : "ExplainTo",
            address.Length == 0 ? "ssss" : "sssss",
            (ref MessageWriter body) =>
            {
                body.WriteString(key.Namespace);
                body.WriteString(key.Name);
                body.WriteString(packet);
                body.WriteString(client);
                if (address.Length > 0)
                {
                    body.WriteString(address);
                }
            },
            ReadAnswers).ConfigureAwait(false);
        return new ExplanationView(key.ToString(), packet, answers);
    }

    internal Task<WhoView> FindFlowAsync(FlowSource source, DateTimeOffset at) => _bus.CallAsync(
        BusNames.RootPath,
        BusNames.Manager,
        "FindFlow",
        "sqst",
        (ref MessageWriter body) =>
        {
            body.WriteString(source.Address.ToString());
            body.WriteUInt16(source.Port);
            body.WriteString(source.Protocol);
            body.WriteUInt64((ulong)UnixTime.MicrosecondsOf(at));
        },
        message => ReadFinding(message, source, at));

    public void Dispose() => _bus.Dispose();

    private Task<string> FindAsync(RouterKey key) => _bus.CallAsync(
        BusNames.RootPath,
        BusNames.Manager,
        "GetRouter",
        "ss",
        (ref MessageWriter body) =>
        {
            body.WriteString(key.Namespace);
            body.WriteString(key.Name);
        },
        message => message.GetBodyReader().ReadObjectPathAsString());

    private Task<PropertyValues> GetAllAsync(string path, string @interface) => _bus.CallAsync(
        path,
        Properties,
        "GetAll",
        "s",
        (ref MessageWriter body) => body.WriteString(@interface),
        message => new PropertyValues(message.GetBodyReader().ReadDictionaryOfStringToVariantValue()));

    // a{oa{sa{sv}}}
    private Task<List<T>> GetObjectsAsync<T>(string @interface, Func<PropertyValues, T> read, Func<T, RouterKey> order) =>
        _bus.CallAsync(BusNames.RootPath, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", message =>
        {
            Reader reader = message.GetBodyReader();
            List<T> found = [];
            ArrayEnd objects = reader.ReadDictionaryStart();
            while (reader.HasNext(objects))
            {
                _ = reader.ReadObjectPathAsString();
                ArrayEnd interfaces = reader.ReadDictionaryStart();
                while (reader.HasNext(interfaces))
                {
                    string name = reader.ReadString();
                    PropertyValues properties = new(reader.ReadDictionaryOfStringToVariantValue());
                    if (name == @interface)
                    {
                        found.Add(read(properties));
                    }
                }
            }

            found.Sort((one, other) => order(one).CompareTo(order(other)));
            return found;
        });

    private static RouterView ReadRouter(PropertyValues router)
    {
        ConditionView[] conditions = ReadConditions(router);
        return new RouterView
        {
            Namespace = router.Text("Namespace"),
            Name = router.Text("Name"),
            State = router.Text("State"),
            Failover = router.Text("Failover"),
            Holder = router.Text("Holder"),
            Standbys = router.Texts("Standbys"),
            Message = Foremost(conditions),
            File = router.Text("SpecFile"),
            Line = router.Number("SpecLine"),
            Generation = router.LongNumber("Generation"),
            Datapath = router.Text("Datapath"),
            FlowOffload = router.Text("FlowOffload"),
            WhyNoFlowOffload = router.Text("WhyNoFlowOffload"),
            NetworkNamespace = router.Text("NetworkNamespace"),
            Master = router.Text("Master"),
            MacAddress = router.Text("MacAddress"),
            InsideAddresses = router.Texts("InsideAddresses"),
            SourceAddresses = router.Texts("SourceAddresses"),
            Gateways = router.Texts("Gateways"),
            Fallback = router.Texts("Fallback"),
            Rules = router.Structs("Rules", rule => new RuleView(
                rule.GetItem(0).GetString(),
                rule.GetItem(1).GetUInt16(),
                rule.GetItem(2).GetString(),
                rule.GetItem(3).GetUInt16(),
                rule.GetItem(4).GetUInt64(),
                rule.GetItem(5).GetUInt64())),
            Counters = ReadCounters(router.Numbers("Counters")),
            Conditions = conditions,
        };
    }

    private static CountersView? ReadCounters(Dictionary<string, ulong> counters) => counters.Count == 0 ? null : new CountersView
    {
        BytesToDestination = counters.GetValueOrDefault("BytesToDestination"),
        BytesToClient = counters.GetValueOrDefault("BytesToClient"),
        PacketsToDestination = counters.TryGetValue("PacketsToDestination", out ulong to) ? to : null,
        PacketsToClient = counters.TryGetValue("PacketsToClient", out ulong from) ? from : null,
        FallbackConnections = counters.GetValueOrDefault("FallbackConnections"),
        Refused = new RefusedView(
            counters.GetValueOrDefault("RefusedNoRule"), counters.GetValueOrDefault("RefusedNotInClients"), counters.GetValueOrDefault("RefusedLimit")),
        Dropped = counters.ContainsKey("DroppedReceiveBuffer")
            ? new DroppedView(
                counters.GetValueOrDefault("DroppedReceiveBuffer"), counters.GetValueOrDefault("DroppedSendBuffer"), counters.GetValueOrDefault("DroppedListenQueue"))
            : null,
        PortAllocationFailures = counters.GetValueOrDefault("PortAllocationFailures"),
    };

    private static ServiceView ReadService(PropertyValues service)
    {
        ConditionView[] conditions = ReadConditions(service);
        ConditionView? available = Array.Find(conditions, condition => condition.Type == "Available");
        bool isDegraded = Array.Exists(conditions, condition => condition is { Type: "Degraded", Status: "True" });
        string state = available?.Status != "True" ? "unavailable" : isDegraded ? "degraded" : "available";
        return new ServiceView
        {
            Namespace = service.Text("Namespace"),
            Name = service.Text("Name"),
            State = state,
            Message = state == "unavailable" ? available?.Message ?? "" : Foremost(conditions),
            File = service.Text("File"),
            Generation = service.LongNumber("Generation"),
            ClusterIPs = service.Texts("ClusterIPs"),
            ExternalIPs = service.Texts("ExternalIPs"),
            ExternalHolders = service.Structs("ExternalHolders", holder => new ExternalHolderView(
                holder.GetItem(0).GetString(), holder.GetItem(1).GetString(), holder.GetItem(2).GetString())),
            Ports = service.Structs("Ports", port => new ServicePortView(
                port.GetItem(0).GetString(), port.GetItem(1).GetString(), port.GetItem(2).GetUInt16(), port.GetItem(3).GetUInt16())),
            Routers = service.Structs("Routers", router => new ServiceRouterView(
                router.GetItem(0).GetString(), router.GetItem(1).GetString(), router.GetItem(2).GetString(), router.GetItem(3).GetBool())),
            Conditions = conditions,
        };
    }

    private static ConditionView[] ReadConditions(PropertyValues of) => of.Structs("Conditions", condition => new ConditionView(
        condition.GetItem(0).GetString(),
        condition.GetItem(1).GetString(),
        condition.GetItem(2).GetString(),
        condition.GetItem(3).GetString(),
        TimeOf(condition.GetItem(4).GetUInt64())));

    // Why it is degraded, or else what it is waiting for, or else what it does.
    private static string Foremost(ConditionView[] conditions) =>
        (Array.Find(conditions, condition => condition is { Type: "Degraded", Status: "True" })
            ?? Array.Find(conditions, condition => condition is { Type: "Progressing", Status: "True" })
            ?? Array.Find(conditions, condition => condition.Type == "Available"))?.Message ?? "";

    private static string ReadFlows(Message message, RouterKey key, List<FlowView> flows)
    {
        Reader reader = message.GetBodyReader();
        ArrayEnd end = reader.ReadArrayStart(DBusType.Struct);
        while (reader.HasNext(end))
        {
            reader.AlignStruct();
            flows.Add(new FlowView(
                key.ToString(),
                reader.ReadString(),
                reader.ReadString(),
                reader.ReadString(),
                reader.ReadString(),
                reader.ReadString(),
                reader.ReadUInt64(),
                reader.ReadUInt64()));
        }

        return reader.ReadString();
    }

    // aa{sv}
    private static WhoView ReadFinding(Message message, FlowSource source, DateTimeOffset at)
    {
        Reader reader = message.GetBodyReader();
        List<PropertyValues> all = [];
        ArrayEnd end = reader.ReadArrayStart(DBusType.Array);
        while (reader.HasNext(end))
        {
            all.Add(new PropertyValues(reader.ReadDictionaryOfStringToVariantValue()));
        }

        return new WhoView(
            source.ToString(),
            at.UtcDateTime,
            [.. all.Where(entry => entry.Text("Kind") == "flow").Select(ReadFlow)],
            [.. all.Where(entry => entry.Text("Kind") == "nearest").Select(ReadFlow)],
            [.. all.Where(entry => entry.Text("Kind") == "note").Select(entry => entry.Text("Note"))]);
    }

    private static FoundFlowView ReadFlow(PropertyValues flow) => new()
    {
        Router = flow.Text("Router"),
        Rule = flow.Text("Rule"),
        Protocol = flow.Text("Protocol"),
        Client = flow.Text("Client"),
        Unit = flow.Text("Unit"),
        Container = flow.Text("Container"),
        Masqueraded = flow.Text("Masqueraded"),
        Source = flow.Text("Source"),
        Destination = flow.Text("Destination"),
        State = flow.Text("State"),
        Start = flow.LongNumber("Start") is > 0 and var start ? TimeOf(start) : null,
        End = flow.LongNumber("End") is > 0 and var ended ? TimeOf(ended) : null,
        BytesTo = flow.LongNumber("BytesTo"),
        BytesFrom = flow.LongNumber("BytesFrom"),
    };

    private static List<AnswerView> ReadAnswers(Message message)
    {
        Reader reader = message.GetBodyReader();
        List<AnswerView> answers = [];
        ArrayEnd end = reader.ReadArrayStart(DBusType.Struct);
        while (reader.HasNext(end))
        {
            reader.AlignStruct();
            answers.Add(new AnswerView(
                reader.ReadString(),
                reader.ReadString(),
                reader.ReadString(),
                reader.ReadString(),
                reader.ReadString(),
                reader.ReadString(),
                reader.ReadArrayOfString()));
        }

        return answers;
    }

    private static DateTime TimeOf(ulong microseconds) => DateTime.UnixEpoch.AddMicroseconds(microseconds);
}
