namespace EgressAgent.Linux.Bus;

/// <summary>The well-known error names that this project sends or looks for (sd-bus-errors(3)).</summary>
public static class BusErrorNames
{
    /// <summary>Something went wrong inside the service.</summary>
    public const string Failed = "org.freedesktop.DBus.Error.Failed";

    /// <summary>An argument has the wrong type or a value that is not allowed.</summary>
    public const string InvalidArgs = "org.freedesktop.DBus.Error.InvalidArgs";

    /// <summary>The caller may not do that.</summary>
    public const string AccessDenied = "org.freedesktop.DBus.Error.AccessDenied";

    /// <summary>Too much is asked for at once; a later attempt may succeed.</summary>
    public const string LimitsExceeded = "org.freedesktop.DBus.Error.LimitsExceeded";

    /// <summary>No object has that path.</summary>
    public const string UnknownObject = "org.freedesktop.DBus.Error.UnknownObject";

    /// <summary>The object has no such interface.</summary>
    public const string UnknownInterface = "org.freedesktop.DBus.Error.UnknownInterface";

    /// <summary>The interface has no such method.</summary>
    public const string UnknownMethod = "org.freedesktop.DBus.Error.UnknownMethod";

    /// <summary>The interface has no such property.</summary>
    public const string UnknownProperty = "org.freedesktop.DBus.Error.UnknownProperty";

    /// <summary>The property cannot be set.</summary>
    public const string PropertyReadOnly = "org.freedesktop.DBus.Error.PropertyReadOnly";

    /// <summary>Nobody owns the name that was called, and nobody can be started for it.</summary>
    public const string ServiceUnknown = "org.freedesktop.DBus.Error.ServiceUnknown";

    /// <summary>Nobody owns the name that was called, and the caller did not want anybody to be started for it.</summary>
    public const string NameHasNoOwner = "org.freedesktop.DBus.Error.NameHasNoOwner";
}
