using System.Net;
using EgressAgent.Engine.Reconcile;
using EgressAgent.Engine.Records;
using EgressAgent.Engine.Registry;
using EgressAgent.Engine.Traffic;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;

namespace EgressAgent.Daemon.Metrics;

/// <summary>
/// What Prometheus is told of the agent and its routers, by the manual's section METRICS. What is not known at the moment is left out:
/// a series that is not there is no zero. Thread-safe.
/// </summary>
/// <param name="reconciler">Whose routers to show.</param>
/// <param name="traffic">Who counts what passes through them.</param>
/// <param name="registry">Whose files to show.</param>
/// <param name="records">Who writes the records of flows.</param>
/// <param name="settingsFile">The file of the agent's settings; it need not be there.</param>
/// <param name="tellsDestinations">Whether to name the destinations of rules.</param>
internal sealed class AgentMetrics(Reconciler reconciler, TrafficSampler traffic, ResourceRegistry registry, FlowRecorder records, string settingsFile, bool tellsDestinations)
{
    // Who asks waits five seconds at most.
    private static readonly TimeSpan ReadTime = TimeSpan.FromSeconds(3);

    private readonly Lock _lock = new();
    private readonly Dictionary<RouterKey, RuleSeries> _series = [];

    /// <summary>All metrics as they are now; what the kernel does not tell in time is left out.</summary>
    internal async Task<string> ReadAsync(bool isOpenMetrics, CancellationToken cancellation)
    {
        await RefreshAsync(cancellation).ConfigureAwait(false);
        var text = new MetricsText(isOpenMetrics);
        lock (_lock)
        {
            Write(text);
        }

        return text.ToString();
    }

    /// <summary>Has the kernel asked what passes through routers, so that <see cref="ReadAsync"/> tells it. It takes some seconds at most.</summary>
    internal async Task RefreshAsync(CancellationToken cancellation)
    {
        Task[] samples = [.. reconciler.Status.All.Select(status => status.Desired?.Redirect).OfType<RedirectPlan>().Select(plan => traffic.RefreshAsync(plan, isOnce: true))];
        try
        {
            await Task.WhenAll(samples).WaitAsync(ReadTime, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // The last samples are told, or none.
        }
    }

    private void Write(MetricsText text)
    {
        Measured[] routers = [.. reconciler.Status.All.Where(status => status.State != RouterState.Removing).Select(Measure)];
        Measured[] sampled = [.. routers.Where(router => !ReferenceEquals(router.Traffic, RouterTraffic.None))];
        foreach (RouterKey gone in _series.Keys.Except(routers.Select(router => router.Status.Key)).ToArray())
        {
            _series.Remove(gone);
        }

        WriteStates(text, routers);
        WriteTraffic(text, sampled);
        WriteLimits(text, sampled);
        WriteAgent(text, routers);
    }

    private Measured Measure(RouterStatus status)
    {
        RouterTraffic sample = traffic.Last(status.Key);
        return new Measured(status, sample, [("router_namespace", status.Key.Namespace), ("router", status.Key.Name)]);
    }

    private static void WriteStates(MetricsText text, Measured[] routers)
    {
        text.BeginInfo("egress_router_info", "How a router is built");
        foreach (Measured router in routers)
        {
            RedirectPlan? plan = router.Status.Desired?.Redirect;
            text.Add(1,
            [
                .. router.Labels,
                ("datapath", plan?.Datapath.ToString().ToLowerInvariant() ?? ""),
                ("master", router.Status.Desired?.Macvlan.Master ?? ""),
                .. plan?.Families.Select(family => (family.Source.IsIPv4 ? "source_ipv4" : "source_ipv6", family.Source.ToString())) ?? [],
            ]);
        }

        text.BeginGauge("egress_router_condition", "Whether a condition of a router has a status");
        foreach (Measured router in routers)
        {
            foreach (Condition condition in router.Status.Conditions)
            {
                foreach (string status in (string[])["true", "false", "unknown"])
                {
                    bool holds = condition.StatusText.Equals(status, StringComparison.OrdinalIgnoreCase);
                    text.Add(holds ? 1u : 0u, [.. router.Labels, ("condition", condition.Type.ToString()), ("status", status)]);
                }
            }
        }

        text.BeginGauge("egress_router_holder", "Whether this node holds a router that is claimed and released; nothing of others");
        foreach (Measured router in routers.Where(router => router.Status.Desired is { Role: not FailoverRole.None }))
        {
            text.Add(router.Status is { IsInForce: true, Desired.Role: FailoverRole.Holder } ? 1u : 0u, router.Labels);
        }

        text.BeginGauge("egress_router_gateway_reachable", "Whether the gateways of a router answer; nothing while that is not known");
        foreach (Measured router in routers)
        {
            if (router.Status.Condition(ConditionType.GatewayReachable).Status is { } answers)
            {
                text.Add(answers ? 1u : 0u, router.Labels);
            }
        }
    }

    private void WriteTraffic(MetricsText text, Measured[] routers)
    {
        text.BeginGauge("egress_router_flows", "Flows through a router at this moment");
        foreach (Measured router in routers)
        {
            // Of these a zero is told, too.
            SortedDictionary<string, ulong> flows = new(StringComparer.Ordinal) { ["sctp"] = 0, ["tcp"] = 0, ["udp"] = 0 };
            foreach ((string protocol, ulong count) in router.Traffic.FlowCounts)
            {
                flows[protocol.ToLowerInvariant()] = count;
            }

            foreach ((string protocol, ulong count) in flows)
            {
                text.Add(count, [.. router.Labels, ("protocol", protocol)]);
            }
        }

        text.BeginCounter("egress_router_connections_total", "Connections (of UDP: flows) that a rule, or the fallback, has taken");
        foreach (Measured router in routers)
        {
            WriteConnections(text, router);
        }

        text.BeginCounter("egress_router_bytes_total", "Bytes through a router: with IP headers in the kernel datapath, payload alone in the relay");
        foreach (Measured router in routers)
        {
            text.Add(router.Traffic.Volume.BytesToDestination, [.. router.Labels, ("direction", "to_destination")]);
            text.Add(router.Traffic.Volume.BytesToClient, [.. router.Labels, ("direction", "to_client")]);
        }

        text.BeginCounter("egress_router_packets_total", "Packets through a router of the kernel datapath; those that the kernel handles as one (GSO, GRO) count once");
        foreach (Measured router in routers.Where(router => router.Status.Desired?.Redirect.Datapath == DatapathKind.Kernel))
        {
            text.Add(router.Traffic.Volume.PacketsToDestination, [.. router.Labels, ("direction", "to_destination")]);
            text.Add(router.Traffic.Volume.PacketsToClient, [.. router.Labels, ("direction", "to_client")]);
        }
    }

    private void WriteConnections(MetricsText text, Measured router)
    {
        if (!_series.TryGetValue(router.Status.Key, out RuleSeries? series))
        {
            _series.Add(router.Status.Key, series = new RuleSeries());
        }

        (IReadOnlyList<RuleTraffic> own, IReadOnlyDictionary<TransportProtocol, ulong> others) = series.Take(router.Traffic.Rules);
        foreach (RuleTraffic rule in own)
        {
            string port = rule.Rule.Port.ToString();
            string destination = new IPEndPoint(rule.Rule.Destination, rule.Rule.TargetPort).ToString();
            text.Add(rule.Connections, Labels($"{rule.Rule.Protocol}", port, destination));
        }

        foreach ((TransportProtocol protocol, ulong count) in others)
        {
            text.Add(count, Labels($"{protocol}", "other", "other"));
        }

        if (router.Traffic.FallbackConnections > 0 || router.Status.Desired?.Redirect.Families.Any(family => family.Fallback is not null) == true)
        {
            text.Add(router.Traffic.FallbackConnections, Labels("any", "fallback", "fallback"));
        }

        (string Name, string Value)[] Labels(string protocol, string port, string destination) =>
        [
            .. router.Labels,
            ("protocol", protocol.ToLowerInvariant()),
            ("port", port),
            .. tellsDestinations ? [("destination", destination)] : ValueList<(string, string)>.Empty,
        ];
    }

    private static void WriteLimits(MetricsText text, Measured[] routers)
    {
        text.BeginCounter("egress_router_refused_total", "What was turned away: of TCP new connections, of other protocols packets");
        foreach (Measured router in routers)
        {
            text.Add(router.Traffic.NoRuleRefusals, [.. router.Labels, ("reason", "no_rule")]);
            text.Add(router.Traffic.ClientRefusals, [.. router.Labels, ("reason", "not_in_clients")]);
            text.Add(router.Traffic.LimitRefusals, [.. router.Labels, ("reason", "limit")]);
        }

        text.BeginCounter("egress_router_port_allocation_failures_total", "New connections for which no source port was free");
        foreach (Measured router in routers)
        {
            text.Add(router.Traffic.PortFailures, router.Labels);
        }

        text.BeginCounter("egress_router_dropped_total", "Datagrams, and packets of new TCP connections, for which sockets of the relay had no room");
        foreach (Measured router in routers.Where(router => router.Status.Desired?.Redirect.Datapath == DatapathKind.Relay))
        {
            text.Add(router.Traffic.Drops.ReceiveBuffer, [.. router.Labels, ("reason", "receive_buffer")]);
            text.Add(router.Traffic.Drops.SendBuffer, [.. router.Labels, ("reason", "send_buffer")]);
            text.Add(router.Traffic.Drops.ListenQueue, [.. router.Labels, ("reason", "listen_queue")]);
        }

        Measured[] counted = [.. routers.Where(router => router.Traffic.Entries is not null)];
        text.BeginGauge("egress_router_conntrack_entries", "Entries of connection tracking in the network namespace of a router");
        foreach (Measured router in counted)
        {
            text.Add(router.Traffic.Entries!.Value.Entries, router.Labels);
        }

        text.BeginGauge("egress_router_conntrack_entries_limit", "How many entries there may be");
        foreach (Measured router in counted)
        {
            text.Add(router.Traffic.Entries!.Value.Limit, router.Labels);
        }
    }

    private void WriteAgent(MetricsText text, Measured[] routers)
    {
        text.BeginCounter("egress_router_repairs_total", "How often the agent has repaired what others had changed of a router");
        foreach (Measured router in routers)
        {
            text.Add((ulong)reconciler.CountRepairs(router.Status.Key), router.Labels);
        }

        text.BeginGauge("egress_config_valid", "Whether nothing is wrong in a file of the agent");
        HashSet<string> inError = [.. registry.Faults.Select(fault => fault.Location.File)];
        foreach (string file in registry.Files.Concat(File.Exists(settingsFile) ? [settingsFile] : ValueList<string>.Empty))
        {
            text.Add(inError.Contains(file) ? 0u : 1u, ("file", file));
        }

        if (reconciler.Cluster is { } cluster)
        {
            text.BeginCounter("egress_cluster_failovers_total", "Routers that this node took over from another one since the agent was started");
            text.Add((ulong)cluster.Facts.Takeovers);
            text.BeginGauge("egress_cluster_lease_remaining_seconds", "For how long the routers that this node holds may speak while nothing renews it");
            text.Add(cluster.Remaining.TotalSeconds);
        }

        FlowRecorderState state = records.State;
        text.BeginCounter("egress_flow_records_total", "Records of flows that were written to the journal since the agent was started");
        text.Add(state.Written);
        text.BeginCounter("egress_flow_records_lost_total", "Records of flows that are lost since the agent was started");
        text.Add(state.Lost);

        text.BeginInfo("egress_agent_build_info", "The agent that runs");
        text.Add(1, ("version", AgentVersion.Text));

        text.BeginHistogram("egress_agent_reconcile_seconds", "How long the agent was busy with one router at a time");
        (IReadOnlyList<ulong> counts, double seconds) = reconciler.Passes.Read();
        text.AddHistogram(DurationCounts.Bounds, counts, seconds);
    }

    private sealed record Measured(RouterStatus Status, RouterTraffic Traffic, (string Name, string Value)[] Labels);
}
