using System.Net;
using EgressAgent.Engine.Reconcile;
using EgressAgent.Linux;
using EgressAgent.Linux.Bus;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Daemon.Bus;

/// <summary>One router on the bus. Bus thread only.</summary>
internal sealed class RouterObject(RouterStatus status, Reconciler reconciler)
{
    internal static readonly BusInterface<RouterObject> Interface = new BusInterfaceBuilder<RouterObject>(BusNames.Router)
        .Method("Reapply", [], [], BusAccess.Privileged, Reapply)
        .Method("ListFlows", [], [("a(ssssstt)", "flows")], BusAccess.Everyone, ListFlows)
        .Property("Namespace", "s", BusPropertyChange.Constant, (router, value) => value.WriteString(router.Status.Key.Namespace))
        .Property("Name", "s", BusPropertyChange.Constant, (router, value) => value.WriteString(router.Status.Key.Name))
        .Property("State", "s", BusPropertyChange.Emits, (router, value) => value.WriteString(router.Status.State.ToText()))
        .Property("File", "s", BusPropertyChange.Emits, (router, value) => value.WriteString(router.Status.File))
        .Property("Generation", "t", BusPropertyChange.Emits, (router, value) => value.WriteUInt64((ulong)router.Status.Generation))
        .Property("Datapath", "s", BusPropertyChange.Emits, (router, value) => value.WriteString(DatapathText(router.Desired?.Redirect.Datapath)))
        .Property("NetworkNamespace", "s", BusPropertyChange.Constant, (router, value) => value.WriteString($"/run/netns/{RouterNames.Netns(router.Status.Key)}"))
        .Property("Master", "s", BusPropertyChange.Emits, (router, value) => value.WriteString(router.Desired?.Macvlan.Master ?? ""))
        .Property("MacAddress", "s", BusPropertyChange.Emits, (router, value) => value.WriteString(router.Desired?.Macvlan.Mac?.ToColonString() ?? ""))
        .Property("SourceAddresses", "as", BusPropertyChange.Emits, (router, value) => value.WriteStrings(router.Texts(family => family.Source)))
        .Property("InsideAddresses", "as", BusPropertyChange.Emits, (router, value) => value.WriteStrings(router.Texts(family => family.Inside)))
        .Property("Conditions", "a(sssst)", BusPropertyChange.Emits, WriteConditions)
        .Property("Rules", "a(sqsqtt)", BusPropertyChange.Silent, WriteRules)
        .Property("Fallback", "as", BusPropertyChange.Emits, (router, value) => value.WriteStrings(router.Texts(family => family.Fallback)))
        .Build();

    internal static readonly string[] ChangingProperties =
    [
        "State", "File", "Generation", "Datapath", "Master", "MacAddress", "SourceAddresses", "InsideAddresses", "Conditions", "Fallback",
    ];

    private readonly Reconciler _reconciler = reconciler;

    /// <summary>Replaced by every change.</summary>
    internal RouterStatus Status { get; set; } = status;

    private DesiredRouter? Desired => Status.Desired;

    private IEnumerable<string> Texts(Func<FamilyRedirect, IPAddress?> select) =>
        Desired?.Redirect.Families.Select(select).OfType<IPAddress>().Select(address => address.ToString()) ?? [];

    private static string DatapathText(DatapathKind? kind) => kind switch
    {
        DatapathKind.Kernel => "kernel",
        DatapathKind.Relay => "relay",
        _ => "",
    };

    private static void Reapply(RouterObject router, BusMethodCall call)
    {
        if (!router._reconciler.Reapply(router.Status.Key))
        {
            throw new BusException(BusNames.NoSuchRouter, $"{router.Status.Key} is being removed");
        }
    }

    private static void WriteConditions(RouterObject router, BusMessageWriter value)
    {
        value.OpenArray("(sssst)");
        foreach (Condition condition in router.Status.Conditions)
        {
            value.OpenStruct("sssst");
            value.WriteString(condition.Type.ToString());
            value.WriteString(condition.StatusText);
            value.WriteString(condition.Reason);
            value.WriteString(condition.Message);
            value.WriteUInt64((ulong)condition.LastTransition.ToUnixTimeMilliseconds() * 1000);
            value.Close();
        }

        value.Close();
    }

    private static void WriteRules(RouterObject router, BusMessageWriter value)
    {
        value.OpenArray("(sqsqtt)");
        foreach (RuleTraffic traffic in router.ReadTrafficOrNone().Rules)
        {
            value.OpenStruct("sqsqtt");
            value.WriteString(traffic.Rule.Protocol.ToString());
            value.WriteUInt16(traffic.Rule.Port);
            value.WriteString(traffic.Rule.Destination.ToString());
            value.WriteUInt16(traffic.Rule.TargetPort);
            value.WriteUInt64(traffic.Connections);
            value.WriteUInt64(traffic.Bytes);
            value.Close();
        }

        value.Close();
    }

    private static void ListFlows(RouterObject router, BusMethodCall call)
    {
        BusMessageWriter reply = call.Reply;
        reply.OpenArray("(ssssstt)");
        foreach (RouterFlow flow in router.ReadTraffic().Flows)
        {
            reply.OpenStruct("ssssstt");
            reply.WriteString(flow.Protocol);
            reply.WriteString(flow.Client.ToString());
            reply.WriteString(flow.Inside.ToString());
            reply.WriteString(flow.Source.ToString());
            reply.WriteString(flow.Destination.ToString());
            reply.WriteUInt64(flow.BytesOut);
            reply.WriteUInt64(flow.BytesIn);
            reply.Close();
        }

        reply.Close();
    }

    // A getter that fails would fail GetManagedObjects for every router.
    private RouterTraffic ReadTrafficOrNone()
    {
        try
        {
            return ReadTraffic();
        }
        catch (BusException)
        {
            return RouterTraffic.None;
        }
    }

    private RouterTraffic ReadTraffic()
    {
        try
        {
            return Desired is { } desired ? _reconciler.ReadTraffic(desired.Redirect) : RouterTraffic.None;
        }
        catch (LinuxException exception)
        {
            throw new BusException(BusErrorNames.Failed, exception.Message);
        }
    }
}
