using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bus;

/// <summary>
/// What a service shows on the bus: objects at paths. It outlives native connections: while there is none, changes are recorded and
/// announcements are dropped, and every new connection gets all objects before the name is requested. All members belong to the
/// bus thread: use the instance only inside the callback that it is handed to (<see cref="BusThread.Post"/>) and in
/// <see cref="BusThread.Start"/>'s.
/// </summary>
public sealed unsafe partial class BusConnection
{
    /// <summary>How many calls may wait for a deferred reply at once.</summary>
    public const int MaxDeferredReplies = 256;

    private readonly Dictionary<string, BusRegistration[]> _objects = [];
    private readonly List<string> _objectManagers = [];
    private readonly Action<string, Exception> _faulted;

    internal BusConnection(BusThread thread, Action<string, Exception> faulted)
    {
        Thread = thread;
        _faulted = faulted;
    }

    internal BusThread Thread { get; }

    /// <summary>The native connection, or 0.</summary>
    internal nint Bus { get; private set; }

    internal int DeferredReplies { get; set; }

    /// <summary>
    /// Offers org.freedesktop.DBus.ObjectManager at this path, for the objects below it. To be called before objects are added.
    /// </summary>
    /// <exception cref="LinuxException">EINVAL: not an object path.</exception>
    public void AddObjectManager(string path)
    {
        DemandPath(path);
        _objectManagers.Add(path);
        if (Bus != 0)
        {
            AttachObjectManager(path);
        }
    }

    /// <summary>Puts an object with these interfaces at a path and announces it (InterfacesAdded) where a manager is above.</summary>
    /// <exception cref="InvalidOperationException">There is an object at that path.</exception>
    /// <exception cref="LinuxException">EINVAL: not an object path, or a signature in a declaration is wrong.</exception>
    public void AddObject(string path, params ReadOnlySpan<BusFace> faces)
    {
        DemandPath(path);
        if (_objects.ContainsKey(path))
        {
            throw new InvalidOperationException($"There is an object at {path}.");
        }

        var registrations = new BusRegistration[faces.Length];
        for (int i = 0; i < faces.Length; i++)
        {
            registrations[i] = new BusRegistration(this, faces[i]);
        }

        if (Bus != 0)
        {
            AttachNewObject(path, registrations);
        }

        _objects.Add(path, registrations);
    }

    /// <summary>Takes the object away and announces that (InterfacesRemoved); false where there is none.</summary>
    public bool RemoveObject(string path)
    {
        if (!_objects.Remove(path, out BusRegistration[]? registrations))
        {
            return false;
        }

        // libsystemd lists the interfaces of the path in the announcement, so it comes before they are gone. Where it fails, the
        // connection is failing, and the object has to go all the same.
        if (Bus != 0 && IsManaged(path))
        {
            _ = LibSystemd.sd_bus_emit_object_removed(Bus, path);
        }

        Array.ForEach(registrations, registration => registration.Dispose());
        return true;
    }

    /// <summary>Gives a new native connection everything that is registered.</summary>
    internal void Attach(nint bus)
    {
        Bus = bus;
        foreach (string path in _objectManagers)
        {
            AttachObjectManager(path);
        }

        foreach ((string path, BusRegistration[] registrations) in _objects)
        {
            AttachObject(path, registrations);
        }
    }

    /// <summary>Lets go of the native connection before it is closed.</summary>
    internal void Detach()
    {
        foreach (BusRegistration registration in _objects.Values.SelectMany(registrations => registrations))
        {
            registration.Detach();
        }

        Bus = 0;
    }

    internal BusDeferredReply Defer(nint call, nint reply)
    {
        if (DeferredReplies >= MaxDeferredReplies)
        {
            throw new BusException(BusErrorNames.LimitsExceeded, "Too many calls are being worked on; try again.");
        }

        DeferredReplies++;
        return new BusDeferredReply(this, Bus, LibSystemd.sd_bus_message_ref(call), reply);
    }

    /// <summary>What a caller gets to see of an exception; what is our own fault is reported and not shown.</summary>
    internal BusException ToReply(Exception failure, string member)
    {
        // A reply whose error has an invalid name cannot be sent at all.
        if (failure is BusException error && LibSystemd.sd_bus_interface_name_is_valid(error.Name) > 0)
        {
            return error;
        }

        _faulted(member, failure);
        return new BusException(BusErrorNames.Failed, $"{member}: internal error; the service's log says more.");
    }

    private void AttachObjectManager(string path) => LibSystemd.Check(
        LibSystemd.sd_bus_add_object_manager(Bus, null, path), "register D-Bus object manager", path);

    private void AttachObject(string path, BusRegistration[] registrations)
    {
        foreach (BusRegistration registration in registrations)
        {
            registration.Attach(Bus, path);
        }
    }

    private void AttachNewObject(string path, BusRegistration[] registrations)
    {
        try
        {
            AttachObject(path, registrations);
            if (IsManaged(path))
            {
                LibSystemd.Check(LibSystemd.sd_bus_emit_object_added(Bus, path), "announce D-Bus object", path);
            }
        }
        catch
        {
            Array.ForEach(registrations, registration => registration.Dispose());
            throw;
        }
    }

    // A manager speaks for the paths below its own.
    private bool IsManaged(string path) =>
        _objectManagers.Exists(manager => path.StartsWith(manager == "/" ? manager : manager + "/", StringComparison.Ordinal));

    private static void DemandPath(string path)
    {
        if (LibSystemd.sd_bus_object_path_is_valid(path) <= 0)
        {
            throw new LinuxException("register D-Bus object", path, Errno.EINVAL);
        }
    }
}
