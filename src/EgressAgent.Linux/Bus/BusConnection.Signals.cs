using System.Runtime.InteropServices.Marshalling;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bus;

public sealed unsafe partial class BusConnection
{
    /// <summary>
    /// Announces (PropertiesChanged) that these properties have changed. Values are read by the declared getters, now.
    /// </summary>
    /// <exception cref="ArgumentException">The interface declares no such property.</exception>
    /// <exception cref="InvalidOperationException">No object is at that path.</exception>
    public void EmitPropertiesChanged(string path, BusInterface @interface, params ReadOnlySpan<string> properties)
    {
        DemandObject(path);
        nint* names = stackalloc nint[properties.Length + 1];
        for (int i = 0; i < properties.Length; i++)
        {
            names[i] = @interface.Member(properties[i]).NativeName;
        }

        names[properties.Length] = 0;
        if (Bus != 0)
        {
            LibSystemd.Check(
                LibSystemd.sd_bus_emit_properties_changed_strv(Bus, path, @interface.Name, names),
                "announce changed D-Bus properties",
                $"of {@interface.Name} at {path}");
        }
    }

    /// <summary>Emits a declared signal from an object.</summary>
    /// <param name="path">The object's path.</param>
    /// <param name="interface">The interface that declares the signal.</param>
    /// <param name="signal">The signal's name.</param>
    /// <param name="write">Writes the arguments; not called while there is no connection.</param>
    /// <exception cref="ArgumentException">The interface declares no such signal, or not with what was written.</exception>
    /// <exception cref="InvalidOperationException">No object is at that path.</exception>
    public void EmitSignal(string path, BusInterface @interface, string signal, BusMessageBuilder write)
    {
        DemandObject(path);
        var member = @interface.Member(signal) as BusSignal ?? throw new ArgumentException($"{signal} is no signal.", nameof(signal));
        if (Bus == 0)
        {
            return;
        }

        string what = $"{@interface.Name}.{signal} from {path}";
        LibSystemd.Check(
            LibSystemd.sd_bus_message_new_signal(Bus, out nint message, path, @interface.Name, signal), "make D-Bus signal", what);
        try
        {
            write(new BusMessageWriter(message));

            // libsystemd enforces the declared types of replies and properties, not those of signals.
            string? written = Utf8StringMarshaller.ConvertToManaged(LibSystemd.sd_bus_message_get_signature(message, 1));
            if (written != member.Signature)
            {
                throw new ArgumentException($"{what} is declared as '{member.Signature}' and was written as '{written}'.", nameof(write));
            }

            LibSystemd.Check(LibSystemd.sd_bus_message_send(message), "send D-Bus signal", what);
        }
        finally
        {
            LibSystemd.sd_bus_message_unref(message);
        }
    }

    private void DemandObject(string path)
    {
        if (!_objects.ContainsKey(path))
        {
            throw new InvalidOperationException($"No object is at {path}.");
        }
    }
}
