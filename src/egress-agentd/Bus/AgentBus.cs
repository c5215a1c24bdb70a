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
    private readonly Dictionary<ResourceKey, ServiceObject> _services = [];
    private readonly BusService _bus;

    /// <param name="address">The bus (<see cref="BusAddress"/>).</param>
    /// <param name="routersDirectory">The directory of router files.</param>
    /// <param name="reconciler">Whose routers to show.</param>
    /// <param name="traffic">Who counts what passes through them; it belongs to the caller.</param>
    /// <param name="registry">Whose faults to show, and where the routers stand in files.</param>
    /// <param name="finder">Who was behind a source address; it belongs to the caller.</param>
    /// <param name="reload">Makes the agent look at all files again; returns soon.</param>
    /// <param name="logger">For the state of the connection.</param>
    internal AgentBus(string address, string routersDirectory, Reconciler reconciler, TrafficSampler traffic, ResourceRegistry registry, FlowFinder finder, Action reload, ILogger logger)
    {
        _reconciler = reconciler;
        _registry = registry;
        _logger = logger;
        _manager = new ManagerObject(routersDirectory, finder, reconciler.Services, reload);
        _traffic = traffic;
        var options = new BusOptions
        {
            Address = address,
            Name = BusNames.Service,
            StatusChanged = OnBusStatus,
            Quiet = HeapTrim.Run,
            Faulted = (member, exception) => LogFault(member, exception),
        };
        _bus = BusService.Start(options, connection =>
        {
            connection.AddObjectManager(BusNames.RootPath);
            connection.AddObject(BusNames.RootPath, ManagerObject.Interface.For(_manager));
        });
        _registry.Changed += OnRegistryChanged;
        _reconciler.Status.Changed += OnChanged;
        _reconciler.Services.Changed += OnServiceChanged;
        _bus.Post(nameof(ResourceRegistry.Faults), UpdateFaults);
    }

    public void Dispose()
    {
        _registry.Changed -= OnRegistryChanged;
        _reconciler.Status.Changed -= OnChanged;
        _reconciler.Services.Changed -= OnServiceChanged;
        _bus.Dispose();
    }

    /// <summary>The first pass over all routers is over.</summary>
    internal void Ready() => _bus.Post(nameof(Ready), connection =>
    {
        _manager.IsReady = true;
        connection.EmitPropertiesChanged(BusNames.RootPath, ManagerObject.Interface, ManagerObject.CountingProperties);
    });

    private void OnChanged(RouterTransition transition) => Post(transition.Key);

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
        string path = RouterObject.PathOf(key);
        RouterStatus? status = _reconciler.Status.Find(key);
        _manager.Routers.TryGetValue(key, out RouterObject? router);
        if (status is not null && router is null)
        {
            router = new RouterObject(status, _registry.Find(key), _reconciler, _traffic);
            _manager.Routers.Add(key, router);
            connection.AddObject(path, RouterObject.Interface.For(router));
            EmitManagerSignal(connection, "RouterAdded", key, path);
        }
        else if (status is null && router is not null)
        {
            _manager.Routers.Remove(key);
            connection.RemoveObject(path);
            EmitManagerSignal(connection, "RouterRemoved", key, path);
        }
        else if (status is not null && router is not null)
        {
            router.Status = status;
            router.Registered = _registry.Find(key) ?? router.Registered;
            connection.EmitPropertiesChanged(path, RouterObject.Interface, RouterObject.ChangingProperties);
        }

        // Once for all the routers that change at the same time.
        _bus.Post(nameof(ManagerObject), later => later.EmitPropertiesChanged(BusNames.RootPath, ManagerObject.Interface, ManagerObject.CountingProperties));
    }

    private void OnServiceChanged(ServiceTransition transition) =>
        _bus.Post(transition.Id, connection => Update(connection, transition.Id));

    private void Update(BusConnection connection, ResourceKey key)
    {
        string path = ServiceObject.PathOf(key);
        ServiceStatus? status = _reconciler.Services.Find(key);
        _services.TryGetValue(key, out ServiceObject? service);
        if (status is not null && service is null)
        {
            service = new ServiceObject(status);
            _services.Add(key, service);
            connection.AddObject(path, ServiceObject.Interface.For(service));
        }
        else if (status is null && service is not null)
        {
            _services.Remove(key);
            connection.RemoveObject(path);
        }
        else if (status is not null && service is not null)
        {
            service.Status = status;
            connection.EmitPropertiesChanged(path, ServiceObject.Interface, ServiceObject.ChangingProperties);
        }
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
