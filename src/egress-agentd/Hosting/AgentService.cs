using System.Diagnostics;
using System.Runtime.InteropServices;
using EgressAgent.Daemon.Bus;
using EgressAgent.Daemon.State;
using EgressAgent.Daemon.Watch;
using EgressAgent.Engine;
using EgressAgent.Engine.Kernel;
using EgressAgent.Engine.Reconcile;
using EgressAgent.Engine.Registry;
using EgressAgent.Linux;
using EgressAgent.Linux.Systemd;
using EgressAgent.Model.Configuration;
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
    private readonly AgentOptions _options;
    private readonly TimeSpan _drainTimeout;
    private readonly ILogger<AgentService> _logger;
    private readonly DescriptorStore _descriptors;
    private readonly ResourceRegistry _registry;
    private readonly LinuxKernel _kernel;
    private readonly Reconciler _reconciler;
    private readonly RouterFilesWatcher _watcher;
    private readonly ServiceStatus _service;
    private readonly AgentBus? _bus;
    private readonly PosixSignalRegistration _hangUp;

    public AgentService(
        AgentOptions options,
        LoadedSettings settings,
        AgentConfiguration configuration,
        LiteDbRouterStore store,
        TimeProvider time,
        ILogger<AgentService> logger,
        ILogger<Reconciler> reconcilerLogger)
    {
        _options = options;
        _drainTimeout = configuration.DrainTimeout;
        _logger = logger;
        _descriptors = new DescriptorStore(PassedDescriptors.Take(), refusal => LogNotKept(refusal.Message));
        _registry = new ResourceRegistry(store, configuration, ReadMachineId(), time, logger);
        _registry.NoteSettings(settings.Findings);
        _kernel = new LinuxKernel(_descriptors);
        _reconciler = new Reconciler(_kernel, _registry, configuration, time, reconcilerLogger);
        _service = new ServiceStatus(_reconciler, _registry, logger);
        _watcher = new RouterFilesWatcher(options.Routers, _registry.Apply, time, logger);
        _bus = options.Bus is null ? null : new AgentBus(options.Bus, options.Routers, _reconciler, _registry, _watcher.Reload, logger);
        _hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true;
            _watcher.Reload();
        });
    }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        LogStarting(AgentVersion.Text, _options.Routers);
        _watcher.Start();
        await _reconciler.WhenEachWasSeen().WaitAsync(cancellationToken).ConfigureAwait(false);

        // What is left belongs to routers that went, or were made anew, while no agent ran.
        IReadOnlyList<string> untaken = _descriptors.ForgetUntaken();
        if (untaken.Count > 0)
        {
            LogUntaken(untaken.Count, string.Join(", ", untaken));
        }

        _service.Ready();
        _bus?.Ready();
        IReadOnlyList<RouterStatus> routers = _reconciler.Status.All;
        LogReady(
            routers.Count,
            routers.Count(router => router.State == RouterState.Active),
            (int)(DateTime.Now - Process.GetCurrentProcess().StartTime).TotalMilliseconds);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _watcher.Dispose();
        _bus?.Dispose();
        _hangUp.Dispose();
        _service.Dispose();
        _reconciler.Dispose();
        _registry.Dispose();
        int cut = await _kernel.DrainAsync(_drainTimeout, cancellationToken).ConfigureAwait(false);
        if (cut > 0)
        {
            LogCut(cut, _drainTimeout.TotalSeconds);
        }

        LogStopped();
    }

    public void Dispose()
    {
        _kernel.Dispose();
        _descriptors.Dispose();
    }

    // MAC addresses are derived from it; without one, two machines would choose the same.
    private static string ReadMachineId() => MachineId.Read()
        ?? throw new IOException($"{MachineId.DefaultPath} is missing or empty; run systemd-machine-id-setup");

    [LoggerMessage(Level = LogLevel.Information, Message = "egress-agentd {Version} starting, reading {Directory}")]
    private partial void LogStarting(string version, string directory);

    [LoggerMessage(EventId = EventIds.Ready, EventName = nameof(EventIds.Ready), Level = LogLevel.Information,
        Message = "ready: {Count} routers, {Active} active, {Milliseconds} ms after the process began")]
    private partial void LogReady(int count, int active, int milliseconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the service manager does not keep a socket of the relay over a restart: {Error}")]
    private partial void LogNotKept(string error);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Count} descriptors that were kept over the restart are not needed any more: {Names}")]
    private partial void LogUntaken(int count, string names);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Count} relayed connections are cut, as they have not ended within {Seconds} s (drainTimeout)")]
    private partial void LogCut(int count, double seconds);

    [LoggerMessage(EventId = EventIds.Stopped, EventName = nameof(EventIds.Stopped), Level = LogLevel.Information, Message = "stopped; the routers stay in the kernel")]
    private partial void LogStopped();
}
