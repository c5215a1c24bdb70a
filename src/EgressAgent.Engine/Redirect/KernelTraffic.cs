using System.Net;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Linux.Nftables;
using EgressAgent.Model;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Redirect;

/// <summary>Reads what goes through the kernel datapath: rule counters from nf_tables, flows from connection tracking.</summary>
internal static class KernelTraffic
{
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal static RouterTraffic Read(RedirectPlan plan, NetworkNamespace netns)
    {
        Dictionary<(TransportProtocol Protocol, ushort Port), RulesetReader.Element> elements = ReadElements(netns);
        ValueList<RouterFlow> flows = ReadFlows(plan, netns);
        Dictionary<(string Protocol, int Port), ulong> bytes = flows
            .GroupBy(flow => (flow.Protocol, flow.Inside.Port))
            .ToDictionary(group => group.Key, group => group.Aggregate(0UL, (sum, flow) => sum + flow.BytesOut + flow.BytesIn));
        return new RouterTraffic(
            plan.Rules.Select(rule => new RuleTraffic(
                rule,
                elements.TryGetValue((rule.Protocol, rule.Port), out RulesetReader.Element element) ? element.Connections : 0,
                bytes.GetValueOrDefault((rule.Protocol.ToString(), rule.Port)))).ToValueList(),
            flows);
    }

    private static Dictionary<(TransportProtocol Protocol, ushort Port), RulesetReader.Element> ReadElements(NetworkNamespace netns)
    {
        using NftContext nft = NftContext.Open(netns);
        try
        {
            return RulesetReader.ReadElements(nft.RunJson($"list table {RulesetNames.Table}"));
        }
        catch (LinuxException exception) when (exception.Errno == Errno.ENOENT)
        {
            return [];
        }
    }

    private static ValueList<RouterFlow> ReadFlows(RedirectPlan plan, NetworkNamespace netns)
    {
        using ConntrackTable table = ConntrackTable.Open(netns);
        return table.GetFlows().Where(flow => IsRedirected(plan, flow)).Select(ToRouterFlow).ToValueList();
    }

    // A client's, through the router; there are the router's own as well.
    private static bool IsRedirected(RedirectPlan plan, ConntrackEntry flow) =>
        flow.Status.HasFlag(ConntrackStatus.DestinationNat) && plan.Families.Any(family => family.Inside.Equals(flow.Original.Destination));

    // The reply's tuple is the way back as it arrives: its source is the destination, its destination the reserved address.
    internal static RouterFlow ToRouterFlow(ConntrackEntry flow) => new(
        ProtocolName(flow.Original.Protocol),
        new IPEndPoint(flow.Original.Source, flow.Original.SourcePort ?? 0),
        new IPEndPoint(flow.Original.Destination, flow.Original.DestinationPort ?? 0),
        new IPEndPoint(flow.Reply.Destination, flow.Reply.DestinationPort ?? 0),
        new IPEndPoint(flow.Reply.Source, flow.Reply.SourcePort ?? 0),
        flow.OriginalCounters?.Bytes ?? 0,
        flow.ReplyCounters?.Bytes ?? 0)
    {
        Id = flow.Id,
    };

    private static string ProtocolName(byte protocol) => protocol switch
    {
        1 => "ICMP",
        6 => nameof(TransportProtocol.TCP),
        17 => nameof(TransportProtocol.UDP),
        58 => "ICMPv6",
        132 => nameof(TransportProtocol.SCTP),
        _ => protocol.ToString(),
    };
}
