using Tmds.DBus.Protocol;

namespace EgressAgent.Linux.Bus;

/// <summary>
/// What a service shows on the bus: objects at paths. It outlives connections: while there is none, changes are recorded and
/// announcements are dropped. All members belong to the service's loop: use the instance only inside the callback that it is
/// handed to (<see cref="BusService.Post"/>) and in <see cref="BusService.Start"/>'s.
/// </summary>
public sealed class BusConnection
{
    /// <summary>How many calls of one caller may wait for their answer. The system bus lets a caller wait for as many.</summary>
    public const int MaxCallsPerSender = 128;

    /// <summary>How many calls of all callers may wait for their answer.</summary>
    public const int MaxCalls = 1024;

    private const string Properties = "org.freedesktop.DBus.Properties";
    private const string ObjectManager = "org.freedesktop.DBus.ObjectManager";

    private readonly SortedDictionary<string, BusFace[]> _objects = new(StringComparer.Ordinal);
    private readonly List<string> _managers = [];

    /// <summary>The connection, or null.</summary>
    internal BusLink? Link { get; set; }

    /// <summary>What was sent since the bus was last asked whether it has read all, roughly in kilobytes.</summary>
    internal int Sent { get; set; }

    /// <summary>The objects, by path.</summary>
    internal IReadOnlyDictionary<string, BusFace[]> Objects => _objects;

    /// <summary>
    /// Offers org.freedesktop.DBus.ObjectManager at this path, for the objects below it. To be called before objects are added.
    /// </summary>
    /// <exception cref="ArgumentException">Not an object path.</exception>
    public void AddObjectManager(string path)
    {
        DemandPath(path);
        _managers.Add(path);
    }

    /// <summary>Puts an object with these interfaces at a path and announces it (InterfacesAdded) where a manager is above.</summary>
    /// <exception cref="InvalidOperationException">There is an object at that path.</exception>
    /// <exception cref="ArgumentException">Not an object path.</exception>
    public void AddObject(string path, params BusFace[] faces)
    {
        DemandPath(path);
        if (!_objects.TryAdd(path, faces))
        {
            throw new InvalidOperationException($"There is an object at {path}.");
        }

        try
        {
            foreach (string manager in ManagersOf(path))
            {
                Send(manager, ObjectManager, "InterfacesAdded", "oa{sa{sv}}", faces.Length, (ref MessageWriter body) =>
                {
                    body.WriteObjectPath(path);
                    WriteInterfaces(faces, ref body);
                });
            }
        }
        catch
        {
            _objects.Remove(path);
            throw;
        }
    }

    /// <summary>Takes the object away and announces that (InterfacesRemoved); false where there is none.</summary>
    public bool RemoveObject(string path)
    {
        if (!_objects.Remove(path, out BusFace[]? faces))
        {
            return false;
        }

        foreach (string manager in ManagersOf(path))
        {
            Send(manager, ObjectManager, "InterfacesRemoved", "oas", 1, (ref MessageWriter body) =>
            {
                body.WriteObjectPath(path);
                body.WriteTexts(faces.Select(face => face.Interface.Name));
            });
        }

        return true;
    }

    /// <summary>
    /// Announces (PropertiesChanged) that these properties have changed. Values are read by the declared getters, now.
    /// </summary>
    /// <exception cref="ArgumentException">The interface declares no such property, or one whose changes are not announced.</exception>
    /// <exception cref="InvalidOperationException">No object with that interface is at that path.</exception>
    public void EmitPropertiesChanged(string path, BusInterface @interface, params IReadOnlyCollection<string> properties)
    {
        BusFace face = DemandFace(path, @interface);
        BusProperty[] changed = [.. properties.Select(@interface.Get<BusProperty>)];
        if (Array.Find(changed, property => property.Change is BusPropertyChange.Silent or BusPropertyChange.Constant) is { } silent)
        {
            throw new ArgumentException($"Changes of {@interface.Name}.{silent.Name} are not announced.", nameof(properties));
        }

        Send(path, Properties, "PropertiesChanged", "sa{sv}as", 1, (ref MessageWriter body) =>
        {
            body.WriteString(@interface.Name);
            ArrayStart values = body.WriteDictionaryStart();
            foreach (BusProperty property in changed.Where(property => property.Change == BusPropertyChange.Emits))
            {
                body.WriteDictionaryEntryStart();
                body.WriteString(property.Name);
                property.WriteVariant(face.Context, ref body);
            }

            body.WriteDictionaryEnd(values);
            body.WriteTexts(changed.Where(property => property.Change == BusPropertyChange.Invalidates).Select(property => property.Name));
        });
    }

    /// <summary>Emits a declared signal from an object.</summary>
    /// <param name="path">The object's path.</param>
    /// <param name="interface">The interface that declares the signal.</param>
    /// <param name="signal">The signal's name.</param>
    /// <param name="write">Writes the arguments; not called while there is no connection.</param>
    /// <exception cref="ArgumentException">The interface declares no such signal.</exception>
    /// <exception cref="InvalidOperationException">No object with that interface is at that path.</exception>
    public void EmitSignal(string path, BusInterface @interface, string signal, BusBody write)
    {
        DemandFace(path, @interface);
        Send(path, @interface.Name, signal, @interface.Get<BusSignal>(signal).Signature, 1, write);
    }

    internal bool HasManager(string path) => _managers.Contains(path);

    /// <summary>The objects of which the manager at that path speaks.</summary>
    internal IEnumerable<KeyValuePair<string, BusFace[]>> ObjectsBelow(string path) => _objects.Where(entry => IsBelow(entry.Key, path));

    /// <summary>The names right below a path on the way to objects; none where nothing is.</summary>
    internal List<string> ChildrenOf(string path)
    {
        int start = path == "/" ? 1 : path.Length + 1;
        return [.. _objects.Keys.Where(other => IsBelow(other, path)).Select(other => other[start..].Split('/')[0]).Distinct()];
    }

    /// <summary>Writes an <c>a{sa{sv}}</c> of all interfaces and their properties.</summary>
    internal static void WriteInterfaces(BusFace[] faces, ref MessageWriter body)
    {
        ArrayStart interfaces = body.WriteDictionaryStart();
        foreach (BusFace face in faces)
        {
            body.WriteDictionaryEntryStart();
            body.WriteString(face.Interface.Name);
            face.Interface.WriteProperties(face.Context, ref body);
        }

        body.WriteDictionaryEnd(interfaces);
    }

    private IEnumerable<string> ManagersOf(string path) => _managers.Where(manager => IsBelow(path, manager));

    private void Send(string path, string @interface, string name, string signature, int weight, BusBody write)
    {
        if (Link is not null)
        {
            Sent += weight;
            Link.SendSignal(path, @interface, name, signature, write);
        }
    }

    private BusFace DemandFace(string path, BusInterface @interface) =>
        _objects.TryGetValue(path, out BusFace[]? faces) && Array.Find(faces, face => face.Interface == @interface) is { } found
            ? found
            : throw new InvalidOperationException($"No object with {@interface.Name} is at {path}.");

    private static bool IsBelow(string path, string parent) =>
        path.Length > parent.Length && path.StartsWith(parent, StringComparison.Ordinal) && (parent == "/" || path[parent.Length] == '/');

    private static void DemandPath(string path)
    {
        if (!BusNaming.IsObjectPath(path))
        {
            throw new ArgumentException($"'{path}' is not an object path.", nameof(path));
        }
    }
}
