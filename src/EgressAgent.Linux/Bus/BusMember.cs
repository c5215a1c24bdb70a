using System.Runtime.InteropServices;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Bus;

/// <summary>A method, property or signal of an interface, and how it looks in sd-bus' table.</summary>
internal abstract class BusMember
{
    protected BusMember(string name)
    {
        if (LibSystemd.sd_bus_member_name_is_valid(name) <= 0)
        {
            throw new ArgumentException($"'{name}' is not a D-Bus member name.", nameof(name));
        }

        Name = name;
        NativeName = ToNative(name);
    }

    internal string Name { get; }

    /// <summary>The name for libsystemd; lives as long as the process.</summary>
    protected internal nint NativeName { get; }

    /// <summary>Fills a zeroed table entry.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="offset">What sd-bus adds to the object's user data when it calls this member.</param>
    internal abstract void Describe(ref SdBusVtable entry, nuint offset);

    // sd-bus keeps pointers into the table, so neither the table nor its strings are ever freed. Declarations are static.
    protected static nint ToNative(string text) => Marshal.StringToCoTaskMemUTF8(text);

    protected static string SignatureOf(IEnumerable<BusArgument> arguments) =>
        string.Concat(arguments.Select(argument => argument.Signature));

    // The C macros concatenate the names, each with its NUL.
    protected static nint NamesOf(IEnumerable<BusArgument> arguments) =>
        ToNative(string.Concat(arguments.Select(argument => argument.Name + '\0')));
}
