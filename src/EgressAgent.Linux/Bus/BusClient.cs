using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bus;

/// <summary>
/// A caller's own connection, synchronous: one call at a time, each waits for its reply. Not for use by two threads at once, and
/// not for the bus thread of a service.
/// </summary>
public sealed unsafe class BusClient : IDisposable
{
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(25);

    private readonly TimeSpan _timeout;
    private nint _bus;

    private BusClient(nint bus, TimeSpan timeout)
    {
        _bus = bus;
        _timeout = timeout;
    }

    /// <summary>The client's own unique name on the bus.</summary>
    public string UniqueName => GetUniqueName(_bus);

    /// <summary>Connects and waits until the bus has accepted.</summary>
    /// <param name="address">The server address (<see cref="BusAddress"/>).</param>
    /// <param name="timeout">How long each call waits for its reply; 25 s by default.</param>
    /// <exception cref="LinuxException">There is no bus at the address, or it does not let us in.</exception>
    public static BusClient Open(string address, TimeSpan? timeout = null)
    {
        nint bus = BusLink.OpenNative(address, "client");
        try
        {
            GetUniqueName(bus);
            return new BusClient(bus, timeout ?? DefaultTimeout);
        }
        catch
        {
            LibSystemd.sd_bus_close_unref(bus);
            throw;
        }
    }

    /// <summary>Calls a method and returns what <paramref name="read"/> makes of the reply.</summary>
    /// <exception cref="BusException">
    /// The reply is an error, or not of the types that were read; or <see cref="BusErrorNames.Timeout"/>: no reply came in time;
    /// <see cref="BusErrorNames.Disconnected"/>: the bus is gone.
    /// </exception>
    /// <exception cref="LinuxException">EINVAL: a name or a path is malformed.</exception>
    public T Call<T>(BusTarget target, string method, BusMessageBuilder write, Func<BusMessageReader, T> read)
    {
        ObjectDisposedException.ThrowIf(_bus == 0, this);
        string what = $"{target.Interface}.{method} at {target.Destination}";
        LibSystemd.Check(
            LibSystemd.sd_bus_message_new_method_call(
                _bus, out nint message, target.Destination, target.Path, target.Interface, method),
            "make D-Bus call",
            what);
        nint reply = 0;
        try
        {
            write(new BusMessageWriter(message));
            reply = Send(message, what);
            return read(new BusMessageReader(reply));
        }
        finally
        {
            LibSystemd.sd_bus_message_unref(reply);
            LibSystemd.sd_bus_message_unref(message);
        }
    }

    /// <summary>Reads a property.</summary>
    /// <param name="target">Whose.</param>
    /// <param name="property">Its name.</param>
    /// <param name="type">Its signature.</param>
    /// <param name="read">Reads one value of that type.</param>
    /// <exception cref="BusException">As for <see cref="Call"/>.</exception>
    /// <exception cref="LinuxException">As for <see cref="Call"/>.</exception>
    public T GetProperty<T>(BusTarget target, string property, string type, Func<BusMessageReader, T> read) => Call(
        target with { Interface = "org.freedesktop.DBus.Properties" },
        "Get",
        body =>
        {
            body.WriteString(target.Interface);
            body.WriteString(property);
        },
        reply =>
        {
            reply.EnterVariant(type);
            T value = read(reply);
            reply.Exit();
            return value;
        });

    /// <summary>Subscribes to one signal of an object, from now on.</summary>
    /// <exception cref="LinuxException">The bus refuses, or is gone.</exception>
    public BusSubscription Subscribe(BusTarget target, string signal)
    {
        ObjectDisposedException.ThrowIf(_bus == 0, this);
        return new BusSubscription(_bus, target, signal);
    }

    public void Dispose() => _bus = LibSystemd.sd_bus_close_unref(_bus);

    private nint Send(nint message, string what)
    {
        SdBusError error = default;
        int result = LibSystemd.sd_bus_call(_bus, message, (ulong)_timeout.TotalMicroseconds, &error, out nint reply);
        if (result >= 0)
        {
            return reply;
        }

        string? name = Utf8StringMarshaller.ConvertToManaged(error.name);
        string? text = Utf8StringMarshaller.ConvertToManaged(error.message);
        LibSystemd.sd_bus_error_free(&error);

        throw new BusException(name ?? BusErrorNames.Failed, text ?? $"Call of {what}: {new Errno(-result)}.");
    }

    // This call waits for the end of the handshake.
    private static string GetUniqueName(nint bus)
    {
        LibSystemd.Check(LibSystemd.sd_bus_get_unique_name(bus, out byte* name), "connect to D-Bus", "");
        return Marshal.PtrToStringUTF8((nint)name)!;
    }
}
