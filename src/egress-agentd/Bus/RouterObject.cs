using System.Net;
using EgressAgent.Engine.Cluster;
using EgressAgent.Engine.Reconcile;
using EgressAgent.Engine.Registry;
using EgressAgent.Engine.Traffic;
using EgressAgent.Linux;
using EgressAgent.Linux.Bus;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using Tmds.DBus.Protocol;

namespace EgressAgent.Daemon.Bus;

/// <summary>One router on the bus. Belongs to the bus's loop.</summary>
internal sealed class RouterObject(RouterStatus status, RegisteredRouter? registered, Reconciler reconciler, TrafficSampler traffic)
{
    internal static readonly BusInterface<RouterObject> Interface = new BusInterfaceBuilder<RouterObject>(BusNames.Router)
        .Method("Reapply", [], [], BusAccess.Privileged, Reapply)
        .SlowMethod("Claim", [], [], BusAccess.Privileged, ClaimAsync)
        .SlowMethod("Release", [], [], BusAccess.Privileged, ReleaseAsync)
        .Method("GetResource", [], [("s", "json")], BusAccess.Everyone, GetResource)
        .Method("Events", [], [("a(ttsss)", "events")], BusAccess.JournalReaders, ListEvents)
        .SlowMethod("ListFlows", [], [("a(ssssstt)", "flows")], BusAccess.JournalReaders, ListFlowsAsync)
        .SlowMethod("ListFlowsPage", [("s", "after"), ("u", "limit")], [("a(ssssstt)", "flows"), ("s", "next")], BusAccess.JournalReaders, ListFlowsPageAsync)
        .Property("Namespace", "s", BusPropertyChange.Constant, (router, ref value) => value.WriteText(router.Status.Key.Namespace))
        .Property("Name", "s", BusPropertyChange.Constant, (router, ref value) => value.WriteText(router.Status.Key.Name))
        .Property("State", "s", BusPropertyChange.Emits, (router, ref value) => value.WriteText(router.Status.State.ToText()))
        .Property("Failover", "s", BusPropertyChange.Emits, (router, ref value) => value.WriteText((router.Desired?.Role ?? FailoverRole.None).ToText()))
        .Property("Holder", "s", BusPropertyChange.Silent, (router, ref value) => value.WriteText(router.Cluster?.Find(router.Status.Key).Holder ?? ""))
        .Property("Standbys", "as", BusPropertyChange.Silent, (router, ref value) => value.WriteTexts(router.Cluster?.StandbysOf(router.Status.Key) ?? []))
        .Property("File", "s", BusPropertyChange.Emits, (router, ref value) => value.WriteText(router.Status.File))
        .Property("Generation", "t", BusPropertyChange.Emits, (router, ref value) => value.WriteUInt64((ulong)router.Status.Generation))
        .Property("Datapath", "s", BusPropertyChange.Emits, (router, ref value) => value.WriteText(DatapathText(router.Desired?.Redirect.Datapath)))
        .Property("FlowOffload", "s", BusPropertyChange.Emits, (router, ref value) => value.WriteText(router.FlowOffloadText))
        .Property("WhyNoFlowOffload", "s", BusPropertyChange.Emits, (router, ref value) => value.WriteText(router.Desired?.WhyNoFlowOffload ?? ""))
        .Property("NetworkNamespace", "s", BusPropertyChange.Constant, (router, ref value) => value.WriteText($"/run/netns/{RouterNames.Netns(router.Status.Key)}"))
        .Property("Master", "s", BusPropertyChange.Emits, (router, ref value) => value.WriteText(router.Desired?.Macvlan.Master ?? ""))
        .Property("MacAddress", "s", BusPropertyChange.Emits, (router, ref value) => value.WriteText(router.Desired?.Macvlan.Mac?.ToColonString() ?? ""))
        .Property("SourceAddresses", "as", BusPropertyChange.Emits, (router, ref value) => value.WriteTexts(router.Texts(family => family.Source)))
        .Property("InsideAddresses", "as", BusPropertyChange.Emits, (router, ref value) => value.WriteTexts(router.Texts(family => family.Inside)))
        .Property("Conditions", "a(sssst)", BusPropertyChange.Emits, (router, ref value) => BusConditions.Write(router.Status.Conditions, ref value))
        .Property("Rules", "a(sqsqtt)", BusPropertyChange.Silent, WriteRules, router => router.RefreshTrafficAsync())
        .Property("RuleTraffic", "a(sqsqttttt)", BusPropertyChange.Silent, WriteRuleTraffic, router => router.RefreshTrafficAsync())
        .Property("Counters", "a{st}", BusPropertyChange.Silent, WriteCounters, router => router.RefreshTrafficAsync())
        .Property("Fallback", "as", BusPropertyChange.Emits, (router, ref value) => value.WriteTexts(router.Texts(family => family.Fallback)))
        .Property("Gateways", "as", BusPropertyChange.Emits, (router, ref value) => value.WriteTexts(router.Gateways))
        .Property("SpecFile", "s", BusPropertyChange.Emits, (router, ref value) => value.WriteText(router.Source?.File ?? router.Status.File))
        .Property("SpecLine", "u", BusPropertyChange.Emits, (router, ref value) => value.WriteUInt32((uint)(router.Source?.Line ?? 0)))
        .Build();

    internal static readonly string[] ChangingProperties =
    [
        "State", "Failover", "File", "Generation", "Datapath", "FlowOffload", "WhyNoFlowOffload", "Master", "MacAddress", "SourceAddresses", "InsideAddresses", "Conditions", "Fallback",
        "Gateways", "SpecFile", "SpecLine",
    ];

    // A reply of so many is some megabytes; the bus takes 32 at most, and closes the connection of who sends more.
    private const int MaxFlows = 50_000;
    private const int MaxFlowsOfAPage = 1000;
    private const int MaxCursorBytes = 255;

    private readonly Reconciler _reconciler = reconciler;
    private readonly TrafficSampler _traffic = traffic;

    /// <summary>Replaced by every change.</summary>
    internal RouterStatus Status { get; set; } = status;

    /// <summary>What is known of it beyond its status; replaced by every change.</summary>
    internal RegisteredRouter? Registered { get; set; } = registered;

    private SourceLocation? Source => Registered?.Source;

    /// <summary><c>/org/egressagent/Agent1/router/default/web</c>, encoded.</summary>
    internal static string PathOf(RouterKey key) => BusPath.Encode($"{BusNames.RootPath}/router", key.Namespace, key.Name);

    private DesiredRouter? Desired => Status.Desired;

    // Null of a router about which no nodes agree.
    private ICluster? Cluster => Registered is { Wanted.Spec.Failover: FailoverMode.Cluster } ? _reconciler.Cluster : null;

    private IEnumerable<string> Gateways => Desired?.Routes
        .Where(route => route is { Side: NetworkSide.Router, Link: RouterNames.OutsideLink, Gateway: not null, Destination.PrefixLength: 0 })
        .Select(route => route.Gateway!.ToString()).Distinct() ?? [];

    private IEnumerable<string> Texts(Func<FamilyRedirect, IPAddress?> select) =>
        Desired?.Redirect.Families.Select(select).OfType<IPAddress>().Select(address => address.ToString()) ?? [];

    private string FlowOffloadText => Desired switch
    {
        { WhyNoFlowOffload: not null } => "refused",
        { Redirect.OffloadsFlows: true } => "on",
        _ => "off",
    };

    private static string DatapathText(DatapathKind? kind) => kind switch
    {
        DatapathKind.Kernel => "kernel",
        DatapathKind.Relay => "relay",
        _ => "",
    };

    private static void Reapply(RouterObject router, BusMethodCall call, ref MessageWriter reply)
    {
        if (!router._reconciler.Reapply(router.Status.Key))
        {
            throw new BusException(BusNames.NoSuchRouter, $"{router.Status.Key} is being removed");
        }
    }

    private static async Task<BusBody> ClaimAsync(RouterObject router, BusMethodCall call)
    {
        RouterKey key = router.DemandFailover();
        if (router.Registered is { Wanted.Spec.Failover: FailoverMode.Cluster })
        {
            string holder = router.Cluster?.Find(key).Holder is { } node ? $", now {node}; release it there" : "";
            throw new BusException(BusErrorNames.Failed, $"the nodes of the cluster agree who holds {key}{holder}");
        }

        RouterStatus? status = await Task.Run(() => router._reconciler.ClaimAsync(key)).ConfigureAwait(false);
        return status switch
        {
            null => throw new BusException(BusNames.NoSuchRouter, $"{key} is being removed"),
            { IsInForce: true } => WriteNothing,
            _ => throw new BusException(BusNames.NotHeld, $"{key} is {status.State.ToText()}: {status.Summary}"),
        };
    }

    private static async Task<BusBody> ReleaseAsync(RouterObject router, BusMethodCall call)
    {
        RouterKey key = router.DemandFailover();
        try
        {
            await Task.Run(() => router._reconciler.ReleaseAsync(key)).ConfigureAwait(false);
        }
        catch (LinuxException refusal)
        {
            throw new BusException(BusErrorNames.Failed, $"{key}: {refusal.Message}");
        }

        return WriteNothing;
    }

    private static void WriteNothing(ref MessageWriter body)
    {
    }

    // A router that is on one node alone is neither claimed nor released.
    private RouterKey DemandFailover() => Registered is { Wanted.Spec.Failover: FailoverMode.None } alone
        ? throw new BusException(
            BusErrorNames.Failed, $"{Status.Key} has no `egressagent.org/failover: manual` or `cluster` in {alone.Source}, so it is neither claimed nor released")
        : Status.Key;

    private static void GetResource(RouterObject router, BusMethodCall call, ref MessageWriter reply)
    {
        if (router.Registered is not { LastGood: { } resource })
        {
            throw new BusException(BusErrorNames.Failed, $"{router.Status.Key} has no spec that is valid: {router.Status.Summary}");
        }

        reply.WriteText(RouterManifest.Write(resource, router.Status.Generation, router.Status.Conditions));
    }

    private static void ListEvents(RouterObject router, BusMethodCall call, ref MessageWriter reply)
    {
        ArrayStart events = reply.WriteArrayStart(DBusType.Struct);
        foreach (RouterEvent happened in router.Registered?.History ?? [])
        {
            reply.WriteStructureStart();
            reply.WriteUInt64((ulong)happened.Time.ToUnixTimeMilliseconds() * 1000);
            reply.WriteUInt64((ulong)happened.Generation);
            reply.WriteText(happened.State.ToText());
            reply.WriteText(happened.Reason);
            reply.WriteText(happened.Message);
        }

        reply.WriteArrayEnd(events);
    }

    private static void WriteRules(RouterObject router, ref MessageWriter value)
    {
        ArrayStart rules = value.WriteArrayStart(DBusType.Struct);
        foreach (RuleTraffic traffic in router._traffic.Last(router.Status.Key).Rules)
        {
            BeginRule(ref value, traffic);
            value.WriteUInt64(traffic.Bytes);
        }

        value.WriteArrayEnd(rules);
    }

    private static void WriteRuleTraffic(RouterObject router, ref MessageWriter value)
    {
        ArrayStart rules = value.WriteArrayStart(DBusType.Struct);
        foreach (RuleTraffic traffic in router._traffic.Last(router.Status.Key).Rules)
        {
            BeginRule(ref value, traffic);
            value.WriteUInt64(traffic.Volume.BytesToDestination);
            value.WriteUInt64(traffic.Volume.BytesToClient);
            value.WriteUInt64(traffic.Volume.PacketsToDestination);
            value.WriteUInt64(traffic.Volume.PacketsToClient);
        }

        value.WriteArrayEnd(rules);
    }

    // What both say of a rule; more may follow.
    private static void BeginRule(ref MessageWriter value, RuleTraffic traffic)
    {
        value.WriteStructureStart();
        value.WriteText(traffic.Rule.Protocol.ToString());
        value.WriteUInt16(traffic.Rule.Port);
        value.WriteText(traffic.Rule.Destination.ToString());
        value.WriteUInt16(traffic.Rule.TargetPort);
        value.WriteUInt64(traffic.Connections);
    }

    private static void WriteCounters(RouterObject router, ref MessageWriter value)
    {
        RouterTraffic traffic = router._traffic.Last(router.Status.Key);
        List<(string Name, ulong Count)> counters = [];
        if (!ReferenceEquals(traffic, RouterTraffic.None))
        {
            counters.AddRange(
            [
                ("BytesToDestination", traffic.Volume.BytesToDestination),
                ("BytesToClient", traffic.Volume.BytesToClient),
                ("FallbackConnections", traffic.FallbackConnections),
                ("RefusedNoRule", traffic.NoRuleRefusals),
                ("RefusedNotInClients", traffic.ClientRefusals),
                ("RefusedLimit", traffic.LimitRefusals),
                ("PortAllocationFailures", traffic.PortFailures),
            ]);
            if (router.Desired?.Redirect.Datapath == DatapathKind.Relay)
            {
                counters.Add(("DroppedReceiveBuffer", traffic.Drops.ReceiveBuffer));
                counters.Add(("DroppedSendBuffer", traffic.Drops.SendBuffer));
                counters.Add(("DroppedListenQueue", traffic.Drops.ListenQueue));
            }
            else if (router.Desired is not null)
            {
                counters.Add(("PacketsToDestination", traffic.Volume.PacketsToDestination));
                counters.Add(("PacketsToClient", traffic.Volume.PacketsToClient));
            }
        }

        ArrayStart entries = value.WriteDictionaryStart();
        foreach ((string name, ulong count) in counters)
        {
            value.WriteDictionaryEntryStart();
            value.WriteText(name);
            value.WriteUInt64(count);
        }

        value.WriteDictionaryEnd(entries);
    }

    private static async Task<BusBody> ListFlowsAsync(RouterObject router, BusMethodCall call)
    {
        FlowList flows = await router.ReadFlowsAsync().ConfigureAwait(false);
        return flows.Count <= MaxFlows
            ? (ref MessageWriter body) => WriteFlows(flows.All, ref body)
            : throw new BusException(BusErrorNames.LimitsExceeded, $"there are {flows.Count} flows, more than fit into one reply; ListFlowsPage lists them");
    }

    private static async Task<BusBody> ListFlowsPageAsync(RouterObject router, BusMethodCall call)
    {
        (string after, int limit) = ReadPage(call);
        FlowList flows = await router.ReadFlowsAsync().ConfigureAwait(false);
        (IReadOnlyList<RouterFlow> page, string next) = await Task.Run(() => flows.PageAfter(after, limit)).ConfigureAwait(false);
        return (ref MessageWriter body) =>
        {
            WriteFlows(page, ref body);
            body.WriteText(next);
        };
    }

    private static (string After, int Limit) ReadPage(BusMethodCall call)
    {
        Reader arguments = call.Arguments;
        string after = arguments.ReadText(MaxCursorBytes);
        uint limit = arguments.ReadUInt32();
        return (after, limit is 0 or > MaxFlowsOfAPage ? MaxFlowsOfAPage : (int)limit);
    }

    private async Task<FlowList> ReadFlowsAsync()
    {
        RouterKey key = Status.Key;
        await RefreshTrafficAsync(withFlows: true).ConfigureAwait(false);
        return _traffic.LastFlows(key);
    }

    private static void WriteFlows(IEnumerable<RouterFlow> flows, ref MessageWriter body)
    {
        ArrayStart array = body.WriteArrayStart(DBusType.Struct);
        foreach (RouterFlow flow in flows)
        {
            body.WriteStructureStart();
            body.WriteText(flow.Protocol);
            body.WriteText(flow.Client.ToString());
            body.WriteText(flow.Inside.ToString());
            body.WriteText(flow.Source.ToString());
            body.WriteText(flow.Destination.ToString());
            body.WriteUInt64(flow.BytesOut);
            body.WriteUInt64(flow.BytesIn);
        }

        body.WriteArrayEnd(array);
    }

    private Task RefreshTrafficAsync(bool withFlows = false) =>
        Desired is { } desired ? _traffic.RefreshAsync(desired.Redirect, withFlows: withFlows) : Task.CompletedTask;
}
