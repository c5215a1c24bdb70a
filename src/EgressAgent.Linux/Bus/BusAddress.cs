namespace EgressAgent.Linux.Bus;

/// <summary>Server addresses by the D-Bus specification: <c>unix:path=/run/dbus/system_bus_socket</c>.</summary>
public static class BusAddress
{
    private const string SystemBusVariable = "DBUS_SYSTEM_BUS_ADDRESS";
    private const string DefaultSystemBus = "unix:path=/run/dbus/system_bus_socket";
    private const string PathPrefix = "unix:path=";

    /// <summary>The system bus: what DBUS_SYSTEM_BUS_ADDRESS says, else the socket at its usual place.</summary>
    public static string System =>
        Environment.GetEnvironmentVariable(SystemBusVariable) is { Length: > 0 } address ? address : DefaultSystemBus;

    /// <summary>The socket's file; null where the address names none, or more than one.</summary>
    internal static string? SocketOf(string address) => address.StartsWith(PathPrefix, StringComparison.Ordinal) && !address.Contains(';')
        ? Uri.UnescapeDataString(address[PathPrefix.Length..].Split(',')[0])
        : null;
}
