using System.Net;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Linux.Nftables;
using EgressAgent.Linux.Sockets;
using EgressAgent.Model;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Redirect;

/// <summary>Reads what goes through the kernel datapath: rule counters from nf_tables, flows from connection tracking.</summary>
internal static class KernelTraffic
{
    // Up to so many it is cheaper to ask for each than to list them: some microseconds each, instead of milliseconds for the table.
    private const int Few = 500;

    /// <summary>Reads what goes through the kernel datapath. Counts are as the kernel has them.</summary>
    /// <param name="plan">Whose rules are asked for.</param>
    /// <param name="netns">The router's.</param>
    /// <param name="visit">Called for each flow, for some of them twice; null where nobody wants them.</param>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal static RouterTraffic Read(RedirectPlan plan, NetworkNamespace netns, IFlowVisitor? visit)
    {
        using ConntrackTable table = ConntrackTable.Open(netns);
        List<CounterValue> counters = [.. ReadLimits(table, netns)];
        if (TryReadCounts(netns) is { } counts)
        {
            string since = $"{NamespaceSince(table, netns)}/{counts.Table}";
            counters.AddRange(ReadRefusals(counts, since));
            counters.AddRange(ReadConnections(plan, counts, since));
        }

        return new RouterTraffic(plan.Rules.Select(rule => new RuleTraffic(rule, 0, default)).ToValueList(), [])
        {
            FlowCounts = ReadFlows(plan, netns, table, visit),
            Counters = counters.ToValueList(),
            Entries = TryReadEntries(table),
        };
    }

    /// <summary>Adds what the kernel turned away, and what it dropped, before it came to a relay.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal static RouterTraffic WithRefusals(RouterTraffic relayed, NetworkNamespace netns)
    {
        using ConntrackTable table = ConntrackTable.Open(netns);
        IEnumerable<CounterValue> refusals = TryReadCounts(netns) is { } counts ? ReadRefusals(counts, $"{NamespaceSince(table, netns)}/{counts.Table}") : [];
        return relayed with
        {
            Counters = relayed.Counters.Concat(ReadLimits(table, netns)).Concat(ReadDrops(table, netns)).Concat(refusals).ToValueList(),
            Entries = TryReadEntries(table),
        };
    }

    private static EntryCount? TryReadEntries(ConntrackTable table) => TryReadSize(table) is { } size ? new EntryCount(size.Entries, size.Limit) : null;

    // What is counted in a namespace begins anew with it.
    private static string NamespaceSince(ConntrackTable table, NetworkNamespace netns) =>
        $"{BootId.Current}/{table.TryReadNetnsCookie() ?? netns.Id.Inode}";

    private static CounterValue[] ReadLimits(ConntrackTable table, NetworkNamespace netns)
    {
        const string where = "conntrack";
        ConntrackStatistics statistics = table.ReadStatistics();
        string since = NamespaceSince(table, netns);
        return
        [
            new CounterValue(CounterKind.LimitRefusals, null, where, statistics.Dropped, since),
            new CounterValue(CounterKind.PortFailures, null, where, statistics.InsertFailed, since),
        ];
    }

    private static CounterValue[] ReadDrops(ConntrackTable table, NetworkNamespace netns)
    {
        const string where = "sockets";
        SocketDrops drops = SocketDrops.Read(netns);
        string since = NamespaceSince(table, netns);
        return
        [
            new CounterValue(CounterKind.ReceiveBufferDrops, null, where, drops.Datagrams, since),
            new CounterValue(CounterKind.ListenQueueDrops, null, where, drops.Connections, since),
        ];
    }

    private static CounterValue[] ReadRefusals(RulesetReader.Counts counts, string since) =>
    [
        new CounterValue(CounterKind.NoRuleRefusals, null, "", counts.Counters.GetValueOrDefault(RulesetNames.NoRule), since),
        new CounterValue(CounterKind.ClientRefusals, null, "", counts.Counters.GetValueOrDefault(RulesetNames.NotInClients), since),
    ];

    private static IEnumerable<CounterValue> ReadConnections(RedirectPlan plan, RulesetReader.Counts counts, string since)
    {
        Dictionary<(TransportProtocol, int), RedirectRuleSpec> rules = plan.Rules.ToDictionary(rule => (rule.Protocol, (int)rule.Port));
        foreach ((RedirectKey key, RulesetReader.Element element) in counts.Elements)
        {
            int port = key.External is { } address ? plan.RulePortOf(key.Protocol.ToString(), new IPEndPoint(address, key.Port)) : key.Port;
            if (rules.TryGetValue((key.Protocol, port), out RedirectRuleSpec? rule))
            {
                string where = key.External is null ? "" : $"{key.External}:{key.Port}";
                yield return new CounterValue(CounterKind.Connections, rule, where, element.Connections, since);
            }
        }

        foreach (string name in plan.Families.Select(family => RulesetNames.Fallback(family.Family)))
        {
            yield return new CounterValue(CounterKind.Connections, null, name, counts.Counters.GetValueOrDefault(name), since);
        }
    }

    // Null from a kernel that does not say (before Linux 5.6).
    private static ConntrackSize? TryReadSize(ConntrackTable table)
    {
        try
        {
            return table.ReadSize();
        }
        catch (LinuxException)
        {
            return null;
        }
    }

    // Null while there is no table.
    private static RulesetReader.Counts? TryReadCounts(NetworkNamespace netns)
    {
        using NftContext nft = NftContext.Open(netns);
        try
        {
            return RulesetReader.ReadCounts(nft.RunJson($"list table {RulesetNames.Table}"));
        }
        catch (LinuxException exception) when (exception.Errno == Errno.ENOENT)
        {
            return null;
        }
    }

    private static ValueList<FlowCount> ReadFlows(RedirectPlan plan, NetworkNamespace netns, ConntrackTable table, IFlowVisitor? visit)
    {
        HashSet<SocketEndpoint> own = [.. plan.Families.Select(family => family.Inside).Concat(plan.ExternalAddresses).Select(address => new SocketEndpoint(address, 0))];
        FlowCounter counter = new();
        ConntrackSize? size = TryReadSize(table);
        visit?.Expect((int)(size?.Entries ?? 0));
        switch (size)
        {
            case { Entries: 0 }:
                break;
            case { Entries: <= Few } when ConntrackFile.TryRead(netns) is { } tuples:
                foreach (ConntrackEntry flow in tuples.Where(tuple => own.Contains(new SocketEndpoint(tuple.Destination, 0))).Select(table.Find).OfType<ConntrackEntry>())
                {
                    Take(LivingFlow.Of(ToRouterFlow(flow)), flow.Status);
                }

                break;
            default:
                table.VisitFlows((in flow) => Take(ToLivingFlow(flow), flow.Status));
                break;
        }

        return counter.Read();

        // A client's, through the router; there are the router's own as well.
        void Take(in LivingFlow flow, ConntrackStatus status)
        {
            if (status.HasFlag(ConntrackStatus.DestinationNat) && own.Contains(flow.Inside.WithPort(0)))
            {
                counter.Add(flow.Protocol);
                visit?.Visit(flow);
            }
        }
    }

    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal static IReadOnlyList<ConntrackEntry> ListFlows(ConntrackTable table)
    {
        // To list them the kernel walks the table that all namespaces share, which takes milliseconds however few they are.
        return TryReadSize(table) is { Entries: 0 } ? [] : table.GetFlows();
    }

    /// <summary>As it is told at its end.</summary>
    internal static RouterFlow ToRouterFlow(ConntrackEntry flow) => new(
        LivingFlow.NameOf(flow.Original.Protocol),
        new IPEndPoint(flow.Original.Source, flow.Original.SourcePort ?? 0),
        new IPEndPoint(flow.Original.Destination, flow.Original.DestinationPort ?? 0),
        new IPEndPoint(flow.Reply.Destination, flow.Reply.DestinationPort ?? 0),
        new IPEndPoint(flow.Reply.Source, flow.Reply.SourcePort ?? 0),
        flow.OriginalCounters?.Bytes ?? 0,
        flow.ReplyCounters?.Bytes ?? 0)
    {
        Id = flow.Id,
        Start = flow.Start,
        PacketsOut = flow.OriginalCounters?.Packets ?? 0,
        PacketsIn = flow.ReplyCounters?.Packets ?? 0,
    };

    // The reply's tuple is the way back as it arrives: its source is the destination, its destination the reserved address.
    private static LivingFlow ToLivingFlow(in ConntrackFlow flow) => new()
    {
        Protocol = flow.Original.Protocol,
        Client = flow.Original.Source,
        Inside = flow.Original.Destination,
        Source = flow.Reply.Destination,
        Destination = flow.Reply.Source,
        Volume = new TrafficVolume(
            flow.OriginalCounters?.Bytes ?? 0, flow.ReplyCounters?.Bytes ?? 0, flow.OriginalCounters?.Packets ?? 0, flow.ReplyCounters?.Packets ?? 0),
        Id = flow.Id,
        Start = flow.Start,
    };
}
