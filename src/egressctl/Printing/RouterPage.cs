using System.Globalization;
using EgressAgent.Control.Agent;
using EgressAgent.Model;

namespace EgressAgent.Control.Printing;

/// <summary>Everything of one router.</summary>
internal static class RouterPage
{
    internal static void Print(Screen screen, RouterView router)
    {
        screen.Line($"{router.Key} is {router.Standing}", Words.State(router.State).Style);
        screen.Line();
        string place = router.Line == 0 ? router.File : string.Create(CultureInfo.InvariantCulture, $"{router.File}:{router.Line}");
        Columns about = Columns.Plain(2)
            .Add(Name("file"), $"{place} (generation {router.Generation})")
            .Add(Name("reached at"), Words.OrNone(router.InsideAddresses))
            .Add(Name("leaves as"), Words.OrNone(router.SourceAddresses))
            .Add(Name("by"), router.Master.Length == 0 ? "-" : $"{router.Master}, MAC {Words.OrNone(router.MacAddress)}")
            .Add(Name("gateway"), Words.OrNone(router.Gateways))
            .Add(Name("datapath"), Words.OrNone(router.Datapath) + FlowOffload(router))
            .Add(Name("namespace"), router.NetworkNamespace)
            .Add(Name("fallback"), router.Fallback.Count == 0 ? "none: what no rule takes is refused" : Words.OrNone(router.Fallback));
        if (router.Counters is { } counters)
        {
            string fallback = router.Fallback.Count > 0 || counters.FallbackConnections > 0 ? $", {Words.Number(counters.FallbackConnections)} connections by the fallback" : "";
            about.Add(Name("carried"), $"{Words.Bytes(counters.BytesToDestination)} to destinations, {Words.Bytes(counters.BytesToClient)} to clients{fallback}")
                .Add(Name("refused"), Refused(counters.Refused));
            if (counters.Dropped is { } dropped)
            {
                about.Add(Name("dropped"), Dropped(dropped));
            }
        }

        if (router.Holder != "" || router.Standbys.Count > 0)
        {
            about.Add(Name("cluster"), $"held by {(router.Holder == "" ? "no node" : router.Holder)}, standby: {(router.Standbys.Count == 0 ? "none" : string.Join(", ", router.Standbys))}");
        }

        about.Print(screen);
        PrintRules(screen, router.Rules);
        screen.Line();
        Columns conditions = new("CONDITION", "STATUS", "REASON", "SINCE", "MESSAGE");
        foreach (ConditionView condition in router.Conditions)
        {
            conditions.Add(condition.Type, Status(condition), condition.Reason, Words.Time(condition.LastTransitionTime), condition.Message);
        }

        conditions.Print(screen);
    }

    private static string FlowOffload(RouterView router) => router.FlowOffload switch
    {
        "on" => ", established flows offloaded",
        "refused" => $", no flow offload: {router.WhyNoFlowOffload}",
        _ => "",
    };

    private static string Refused(RefusedView refused)
    {
        string[] parts =
        [
            .. refused.NoRule > 0 ? [$"{Words.Number(refused.NoRule)} that no rule takes"] : ValueList<string>.Empty,
            .. refused.NotInClients > 0 ? [$"{Words.Number(refused.NotInClients)} of others than its clients"] : ValueList<string>.Empty,
            .. refused.Limit > 0 ? [$"{Words.Number(refused.Limit)} at a limit"] : ValueList<string>.Empty,
        ];
        return parts.Length == 0 ? "nothing" : string.Join(", ", parts);
    }

    private static string Dropped(DroppedView dropped)
    {
        string[] parts =
        [
            .. dropped.ReceiveBuffer > 0 ? [$"{Words.Number(dropped.ReceiveBuffer)} datagrams that came to a full socket"] : ValueList<string>.Empty,
            .. dropped.SendBuffer > 0 ? [$"{Words.Number(dropped.SendBuffer)} datagrams that the link did not take"] : ValueList<string>.Empty,
            .. dropped.ListenQueue > 0 ? [$"{Words.Number(dropped.ListenQueue)} packets of TCP connections that came to a full queue"] : ValueList<string>.Empty,
        ];
        return parts.Length == 0 ? "nothing" : string.Join(", ", parts);
    }

    private static void PrintRules(Screen screen, IReadOnlyList<RuleView> rules)
    {
        if (rules.Count == 0)
        {
            return;
        }

        screen.Line();
        Columns table = new("RULE", "DESTINATION", "CONNECTIONS ", "BYTES ");
        foreach (RuleView rule in rules)
        {
            string host = rule.Destination.Contains(':') ? $"[{rule.Destination}]" : rule.Destination;
            table.Add($"{rule.Port}/{rule.Protocol}", $"{host}:{rule.TargetPort}", Words.Number(rule.Connections), Words.Bytes(rule.Bytes));
        }

        table.Print(screen);
    }

    private static Cell Name(string name) => new(name, Words.Faint);

    private static Cell Status(ConditionView condition) => new(
        condition.Status,
        condition.Status == "Unknown" ? Words.Doubtful : (condition.Type is not ("Progressing" or "Degraded")) == (condition.Status == "True") ? Words.Good : Words.Doubtful);
}
