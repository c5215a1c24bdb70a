using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using EgressAgent.Daemon.Bus;
using EgressAgent.Daemon.Metrics;
using EgressAgent.Daemon.Names;
using EgressAgent.Daemon.Watch;
using EgressAgent.Engine;
using EgressAgent.Engine.Cluster;
using EgressAgent.Engine.Flows;
using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Reconcile;
using EgressAgent.Engine.Records;
using EgressAgent.Engine.Registry;
using EgressAgent.Engine.Traffic;
using EgressAgent.Linux;
using EgressAgent.Linux.Systemd;
using EgressAgent.Model;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace EgressAgent.Daemon.Hosting;

/// <summary>
/// The agent's life: state, kernel, reconciler and file watcher are started in that order and ended in the reverse. It counts as
/// started after the first pass over every router, which is when systemd hears READY.
/// </summary>
internal sealed partial class AgentService : IHostedService, IDisposable
{
    // As long as an address is announced again after it was announced: that is a pass too.
    private static readonly TimeSpan QuietTime = TimeSpan.FromSeconds(3);

    // While etcd does not answer.
    private static readonly TimeSpan HandOverTime = TimeSpan.FromSeconds(1);

    private readonly AgentOptions _options;
    private readonly TimeSpan _drainTimeout;
    private readonly ValueList<IPNetwork> _ownNetworks;
    private readonly ILogger<AgentService> _logger;
    private readonly DescriptorStore _descriptors;
    private readonly ResourceRegistry _registry;
    private readonly NameWriter _names;
    private readonly ResolverFiles _resolvers;
    private readonly OwedRecords? _owedRecords;
    private readonly FlowRecorder _records;
    private readonly LinuxKernel _kernel;
    private readonly FlowExchange? _flows;
    private readonly ClusterMember? _cluster;
    private readonly Reconciler _reconciler;
    private readonly RouterFilesWatcher _watcher;
    private readonly ServiceStatus _service;
    private readonly TrafficSampler _traffic;
    private readonly FlowFinder _finder;
    private readonly AgentBus? _bus;
    private readonly MetricsPlaces _metricsPlaces;
    private readonly AgentMetrics _metrics;
    private readonly TimeProvider _time;
    private MetricsTextfile? _textfile;
    private MetricsServer? _server;
    private readonly PosixSignalRegistration _hangUp;
    private readonly ITimer _quiet;

    public AgentService(
        AgentOptions options,
        LoadedSettings settings,
        AgentOwner owner,
        AgentConfiguration configuration,
        IResourceStore store,
        ITrafficStore trafficStore,
        TimeProvider time,
        ILogger<AgentService> logger,
        ILogger<Reconciler> reconcilerLogger)
    {
        _options = options;
        _drainTimeout = configuration.DrainTimeout;
        _ownNetworks = [.. configuration.InsideNetworks, .. configuration.ServiceNetworks];
        _logger = logger;
        _descriptors = new DescriptorStore(PassedDescriptors.Take(), refusal => LogNotKept(refusal.Message));
        _registry = new ResourceRegistry(store, configuration, ReadMachineId(), time, logger);
        _registry.NoteSettings(settings.Findings);
        (HostsDirectory directory, EtcHosts hosts, StaticRecords records) = NameWriter.PlacesOf(options.Runtime, owner);
        _names = new NameWriter(_registry, directory, hosts, records, configuration.EtcHosts);
        _resolvers = new ResolverFiles(_registry, options.Runtime, Paths.ResolverConfiguration, Path.Combine(Paths.Resolve, ResolverFiles.Name));
        _owedRecords = OwedRecords.TryOpen(Path.Combine(options.Runtime, "owed-records", owner.Id));
        _records = new FlowRecorder(configuration.FlowRecords.Namespace, configuration.FlowRecords.TellsDestinations, time, _owedRecords);
        _records.Changed += state => _registry.NoteFlowRecords(_records.SocketPath, state);
        _flows = configuration.Cluster?.Heartbeat is { } heartbeat ? new FlowExchange(heartbeat, time, reconcilerLogger) : null;
        _kernel = new LinuxKernel(owner, _descriptors, _records, options.Runtime, _flows);
        _kernel.NodeLimitsChanged += _registry.NoteNodeLimits;
        _registry.NoteNodeLimits([], _kernel.Tables);
        _kernel.FlowOffloadTried += LogFlowOffload;
        _cluster = configuration.Cluster is { } cluster && _kernel.WhyNoFence is null ? new ClusterMember(cluster, owner, _kernel.Fence, options.Runtime, _flows, time, reconcilerLogger) : null;
        _reconciler = new Reconciler(_kernel, _registry, configuration, time, reconcilerLogger, _cluster);
        _quiet = time.CreateTimer(_ => HeapTrim.Run(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _reconciler.Idle += () => _quiet.Change(QuietTime, Timeout.InfiniteTimeSpan);
        _service = new ServiceStatus(_reconciler, _registry, logger);
        _watcher = new RouterFilesWatcher(options.Routers, _registry.Apply, time, logger);
        _traffic = new TrafficSampler(_reconciler, _registry, trafficStore, options.State, time, logger);
        trafficStore.Emptied += _registry.SaveAll;
        _finder = new FlowFinder(_reconciler, _registry, _traffic, configuration, time);
        _time = time;
        _metricsPlaces = configuration.Metrics;
        _metrics = new AgentMetrics(_reconciler, _traffic, _registry, _records, options.Configuration, configuration.FlowRecords.TellsDestinations);
        _bus = options.Bus is null ? null : new AgentBus(options.Bus, options.Routers, _reconciler, _traffic, _registry, _finder, _watcher.Reload, logger);
        _hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true;
            _watcher.Reload();
        });
    }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        LogStarting(AgentVersion.Text, _options.Routers);
        _records.LoseFormer();
        _cluster?.Start();
        _watcher.Start();
        await _reconciler.WhenEachWasSeen().WaitAsync(cancellationToken).ConfigureAwait(false);

        _reconciler.StartServices();

        // What is left belongs to routers that went, or were made anew, while no agent ran.
        IReadOnlyList<string> untaken = _descriptors.ForgetUntaken();
        if (untaken.Count > 0)
        {
            LogUntaken(untaken.Count, string.Join(", ", untaken));
        }

        foreach (ForeignNetns foreign in _kernel.ListForeign(key => _registry.Find(key) is null))
        {
            LogForeign(foreign.Why);
        }

        ReleaseFormerNetworks();
        _service.Ready();
        _bus?.Ready();
        _textfile = _metricsPlaces.Textfile is { } directory ? new MetricsTextfile(directory, _metrics, _time, _logger) : null;
        _server = _metricsPlaces.Listen is { } endpoint ? new MetricsServer(endpoint, _metrics, _logger) : null;
        IReadOnlyList<RouterStatus> routers = _reconciler.Status.All;
        LogReady(
            routers.Count,
            routers.Count(router => router.State == RouterState.Active),
            (int)(DateTime.Now - Process.GetCurrentProcess().StartTime).TotalMilliseconds);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        // Clients of a router that moves wait for nothing else.
        Task handOver = HandOverAsync(cancellationToken);
        _watcher.Dispose();
        await handOver.ConfigureAwait(false);
        if (_server is not null)
        {
            await _server.DisposeAsync().ConfigureAwait(false);
        }

        if (_textfile is not null)
        {
            await _textfile.DisposeAsync().ConfigureAwait(false);
        }

        _bus?.Dispose();
        _finder.Dispose();
        _hangUp.Dispose();
        _service.Dispose();
        _reconciler.Dispose();
        _quiet.Dispose();
        _names.Dispose();
        _resolvers.Dispose();
        _registry.Dispose();
        int cut = await _kernel.DrainAsync(_drainTimeout, cancellationToken).ConfigureAwait(false);
        if (cut > 0)
        {
            LogCut(cut, _drainTimeout.TotalSeconds);
        }

        // Nothing passes by the agent any more, and nothing is told of the kernel's flows.
        _kernel.CutRelayed();
        _traffic.Dispose();

        LogStopped();
    }

    public void Dispose()
    {
        _cluster?.Dispose();
        _kernel.Dispose();
        _flows?.Dispose();
        _records.Dispose();
        _owedRecords?.Dispose();
        _descriptors.Dispose();
    }

    // The routers of a cluster go to other nodes at once. What is left of it here, net1 that is up and says nothing, is taken down.
    private async Task HandOverAsync(CancellationToken cancellationToken)
    {
        if (_cluster is null)
        {
            return;
        }

        await _cluster.StopAsync(HandOverTime).ConfigureAwait(false);
        try
        {
            await _reconciler.WhenIdle().WaitAsync(HandOverTime, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception late) when (late is TimeoutException or OperationCanceledException)
        {
            // The fence is closed to them all the same.
        }
    }

    // By now the routers have their addresses in the networks that the settings name.
    private void ReleaseFormerNetworks()
    {
        try
        {
            // Another agent's routers may be in one.
            if (_kernel.ListHeldNetworks().All(_ownNetworks.Contains) || _kernel.ListForeign().Any(foreign => foreign.IsOfAgent))
            {
                return;
            }

            foreach (IPNetwork network in _kernel.ReleaseNetworks(kept: _ownNetworks))
            {
                LogReleased(network);
            }
        }
        catch (LinuxException refusal)
        {
            LogNotReleased(refusal.Message);
        }
    }

    // MAC addresses are derived from it; without one, two machines would choose the same.
    private static string ReadMachineId() => MachineId.Read()
        ?? throw new IOException($"{MachineId.DefaultPath} is missing or empty; run systemd-machine-id-setup");

    [LoggerMessage(Level = LogLevel.Information, Message = "egress-agentd {Version} starting, reading {Directory}")]
    private partial void LogStarting(string version, string directory);

    [LoggerMessage(EventId = EventIds.Ready, EventName = nameof(EventIds.Ready), Level = LogLevel.Information,
        Message = "ready: {Count} routers, {Active} active, {Milliseconds} ms after the process began")]
    private partial void LogReady(int count, int active, int milliseconds);

    [LoggerMessage(EventId = EventIds.Foreign, EventName = nameof(EventIds.Foreign), Level = LogLevel.Information, Message = "{Foreign}")]
    private partial void LogForeign(string foreign);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Network} is no inside network any more: its route unreachable is removed")]
    private partial void LogReleased(IPNetwork network);

    [LoggerMessage(Level = LogLevel.Warning, Message = "a former inside network stays unreachable for the node; see ip route show type unreachable: {Error}")]
    private partial void LogNotReleased(string error);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the service manager does not keep a socket of the agent over a restart: {Error}")]
    private partial void LogNotKept(string error);

    private void LogFlowOffload(string? whyNot)
    {
        if (whyNot is null)
        {
            LogFlowOffloadTried();
        }
        else
        {
            LogFlowOffloadRefused(whyNot);
        }
    }

    [LoggerMessage(EventId = EventIds.FlowOffload, Level = LogLevel.Information,
        Message = "flow offload: this kernel passed the trial, and is used where a router asks for it")]
    private partial void LogFlowOffloadTried();

    [LoggerMessage(EventId = EventIds.FlowOffload, EventName = nameof(EventIds.FlowOffload), Level = LogLevel.Warning,
        Message = "flow offload: all packets go through the chains, since {WhyNot}")]
    private partial void LogFlowOffloadRefused(string whyNot);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Count} descriptors that were kept over the restart are not needed any more: {Names}")]
    private partial void LogUntaken(int count, string names);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Count} relayed connections are cut, as they have not ended within {Seconds} s (drainTimeout)")]
    private partial void LogCut(int count, double seconds);

    [LoggerMessage(EventId = EventIds.Stopped, EventName = nameof(EventIds.Stopped), Level = LogLevel.Information, Message = "stopped; the routers stay in the kernel")]
    private partial void LogStopped();
}
