namespace EgressAgent.Linux.Bus;

/// <summary>Server addresses by the D-Bus specification: <c>unix:path=/run/dbus/system_bus_socket</c>.</summary>
public static class BusAddress
{
    private const string SystemBusVariable = "DBUS_SYSTEM_BUS_ADDRESS";
    private const string DefaultSystemBus = "unix:path=/run/dbus/system_bus_socket";

    /// <summary>The system bus: what DBUS_SYSTEM_BUS_ADDRESS says, else the socket at its usual place.</summary>
    public static string System =>
        Environment.GetEnvironmentVariable(SystemBusVariable) is { Length: > 0 } address ? address : DefaultSystemBus;
}
