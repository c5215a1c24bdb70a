using System.Net;
using EgressAgent.Linux.Netlink.Conntrack;
using EgressAgent.Linux.Netlink.Monitoring;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Redirect;

/// <summary>Makes records of what connection tracking tells of flows through the kernel datapath.</summary>
internal static class KernelRecords
{
    /// <summary>Null for what is none of a client's, and none of a process in the router's network namespace.</summary>
    /// <param name="told">What is told.</param>
    /// <param name="plan">The plan in force.</param>
    /// <param name="former">The one before, by whose rules a flow may have been made that ends now.</param>
    /// <param name="now">For what the kernel has no time of.</param>
    internal static FlowRecord? TryMake(ConntrackEvent told, RedirectPlan plan, RedirectPlan? former, DateTimeOffset now)
    {
        if (told.Flow is not { } flow || FindRule(flow, plan, former) is not { } rule)
        {
            return null;
        }

        var record = new FlowRecord(
            told.IsStart ? FlowEvent.Start : FlowEvent.End,
            plan.Key,
            rule,
            flow.Original.Protocol,
            new IPEndPoint(flow.Original.Source, flow.Original.SourcePort ?? 0),
            new IPEndPoint(flow.Reply.Destination, flow.Reply.DestinationPort ?? 0),
            new IPEndPoint(flow.Reply.Source, flow.Reply.SourcePort ?? 0))
        {
            InsidePort = rule == FlowRecord.Local ? null : flow.Original.DestinationPort,
            Start = flow.Start ?? (told.IsStart ? flow.Told ?? now : null),
        };
        return told.IsStart ? record : record with
        {
            End = flow.Stop ?? now,
            BytesTo = flow.OriginalCounters?.Bytes ?? 0,
            BytesFrom = flow.ReplyCounters?.Bytes ?? 0,
        };
    }

    private static string? FindRule(ConntrackEntry flow, RedirectPlan plan, RedirectPlan? former)
    {
        if (!flow.Status.HasFlag(ConntrackStatus.DestinationNat))
        {
            return new[] { plan, former }.Any(known => known is not null && IsOwn(known, flow.Original.Source)) ? FlowRecord.Local : null;
        }

        if (TransportProtocols.OfNumber(flow.Original.Protocol) is not { } protocol)
        {
            return FlowRecord.Fallback;
        }

        // The destination tells a rule's flow from the fallback's, also when the rule went in the edit that cut the flow.
        var dialled = new IPEndPoint(flow.Original.Destination, flow.Original.DestinationPort ?? 0);
        var destination = new IPEndPoint(flow.Reply.Source, flow.Reply.SourcePort ?? 0);
        RedirectPlan[] plans = former is null ? [plan] : [plan, former];
        foreach (RedirectPlan known in plans)
        {
            int port = known.RulePortOf($"{protocol}", dialled);
            if (known.Rules.Any(rule => rule.Protocol == protocol && rule.Port == port && rule.Destination.Equals(destination.Address) && rule.TargetPort == destination.Port))
            {
                return $"{port}/{protocol}";
            }
        }

        return plans.Any(known => known.Families.Any(family => destination.Address.Equals(family.Fallback) && destination.Port == known.RulePortOf($"{protocol}", dialled)))
            ? FlowRecord.Fallback
            : $"{plan.RulePortOf($"{protocol}", dialled)}/{protocol}";
    }

    private static bool IsOwn(RedirectPlan plan, IPAddress address) =>
        plan.Families.Any(family => family.Reserved.Contains(address)) || plan.ExternalAddresses.Contains(address);
}
