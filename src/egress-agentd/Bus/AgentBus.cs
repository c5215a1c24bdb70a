using EgressAgent.Engine;
using EgressAgent.Engine.Reconcile;
using EgressAgent.Engine.Registry;
using EgressAgent.Engine.Traffic;
using EgressAgent.Linux.Bus;
using EgressAgent.Model;
using EgressAgent.Model.Status;
using Microsoft.Extensions.Logging;
using Tmds.DBus.Protocol;

namespace EgressAgent.Daemon.Bus;

/// <summary>
/// Keeps the objects on the bus at what the status board says. The board's events only post work to the bus's loop, so nothing
/// that the engine does waits for the bus; without a bus the agent runs all the same.
/// </summary>
internal sealed partial class AgentBus : IDisposable
{
    private readonly Reconciler _reconciler;
    private readonly ResourceRegistry _registry;
    private readonly ILogger _logger;
    private readonly ManagerObject _manager;
    private readonly TrafficSampler _traffic;
    private readonly BusService _bus;

    /// <param name="address">The bus (<see cref="BusAddress"/>).</param>
    /// <param name="routersDirectory">The directory of router files.</param>
    /// <param name="reconciler">Whose routers to show.</param>
    /// <param name="registry">Whose faults to show, and where the routers stand in files.</param>
    /// <param name="reload">Makes the agent look at all files again; returns soon.</param>
    /// <param name="logger">For the state of the connection.</param>
    internal AgentBus(string address, string routersDirectory, Reconciler reconciler, ResourceRegistry registry, Action reload, ILogger logger)
    {
        _reconciler = reconciler;
        _registry = registry;
        _logger = logger;
        _manager = new ManagerObject(routersDirectory, reload);
        _traffic = new TrafficSampler(reconciler.ReadTraffic, TimeProvider.System);
        var options = new BusOptions
        {
            Address = address,
            Name = BusNames.Service,
            StatusChanged = OnBusStatus,
            Quiet = new HeapTrim().Run,
            Faulted = (member, exception) => LogFault(member, exception),
        };
        _bus = BusService.Start(options, connection =>
        {
            connection.AddObjectManager(BusNames.RootPath);
            connection.AddObject(BusNames.RootPath, ManagerObject.Interface.For(_manager));
        });
        _registry.Changed += OnRegistryChanged;
        _reconciler.FlowEnded += _traffic.End;
        _reconciler.Status.Changed += OnChanged;
        _bus.Post(nameof(ResourceRegistry.Faults), UpdateFaults);
    }

    public void Dispose()
    {
        _registry.Changed -= OnRegistryChanged;
        _reconciler.FlowEnded -= _traffic.End;
        _reconciler.Status.Changed -= OnChanged;
        _bus.Dispose();
        _traffic.Dispose();
    }

    /// <summary>The first pass over all routers is over.</summary>
    internal void Ready() => _bus.Post(nameof(Ready), connection =>
    {
        _manager.IsReady = true;
        connection.EmitPropertiesChanged(BusNames.RootPath, ManagerObject.Interface, ManagerObject.CountingProperties);
    });

    private void OnChanged(RouterTransition transition)
    {
        if (transition.After?.Desired is { } desired)
        {
            _traffic.Follow(desired.Redirect);
        }

        Post(transition.Key);
    }

    private void OnRegistryChanged(RegistryChange change)
    {
        if (change.AreFaultsChanged)
        {
            _bus.Post(nameof(ResourceRegistry.Faults), UpdateFaults);
        }

        foreach (RouterKey key in change.Routers)
        {
            Post(key);
        }
    }

    private void Post(RouterKey key) => _bus.Post(key, connection => Update(connection, key));

    // Looks at what is so now: of several changes in a row only the last need be told.
    private void Update(BusConnection connection, RouterKey key)
    {
        string path = BusNames.PathOf(key);
        RouterStatus? status = _reconciler.Status.Find(key);
        _manager.Routers.TryGetValue(key, out RouterObject? router);
        if (status is not null && router is null)
        {
            router = new RouterObject(status, _registry.Find(key)?.Source, _reconciler, _traffic);
            _manager.Routers.Add(key, router);
            connection.AddObject(path, RouterObject.Interface.For(router));
            EmitManagerSignal(connection, "RouterAdded", key, path);
        }
        else if (status is null && router is not null)
        {
            _manager.Routers.Remove(key);
            _traffic.Forget(key);
            connection.RemoveObject(path);
            EmitManagerSignal(connection, "RouterRemoved", key, path);
        }
        else if (status is not null && router is not null)
        {
            router.Status = status;
            router.Source = _registry.Find(key)?.Source ?? router.Source;
            connection.EmitPropertiesChanged(path, RouterObject.Interface, RouterObject.ChangingProperties);
        }

        // Once for all the routers that change at the same time.
        _bus.Post(nameof(ManagerObject), later => later.EmitPropertiesChanged(BusNames.RootPath, ManagerObject.Interface, ManagerObject.CountingProperties));
    }

    private void UpdateFaults(BusConnection connection)
    {
        _manager.Faults = _registry.Faults;
        connection.EmitPropertiesChanged(BusNames.RootPath, ManagerObject.Interface, ManagerObject.FaultProperties);
    }

    private static void EmitManagerSignal(BusConnection connection, string signal, RouterKey key, string path) =>
        connection.EmitSignal(BusNames.RootPath, ManagerObject.Interface, signal, (ref MessageWriter body) =>
        {
            body.WriteText(key.Namespace);
            body.WriteText(key.Name);
            body.WriteObjectPath(path);
        });

    private void OnBusStatus(BusStatus status)
    {
        if (status.IsReady)
        {
            LogServed(status.Message);
        }
        else
        {
            LogUnavailable(status.Message);
        }
    }

    [LoggerMessage(EventId = EventIds.BusServed, EventName = nameof(EventIds.BusServed), Level = LogLevel.Information, Message = "D-Bus: {Status}")]
    private partial void LogServed(string status);

    [LoggerMessage(EventId = EventIds.BusUnavailable, EventName = nameof(EventIds.BusUnavailable), Level = LogLevel.Warning,
        Message = "D-Bus is not available ({Reason}); the routers run without it, and it is tried again")]
    private partial void LogUnavailable(string reason);

    [LoggerMessage(EventId = EventIds.BusFault, EventName = nameof(EventIds.BusFault), Level = LogLevel.Error, Message = "D-Bus: {Member} failed, please report it")]
    private partial void LogFault(string member, Exception exception);
}
