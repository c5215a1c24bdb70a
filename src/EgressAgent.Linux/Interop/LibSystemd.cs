using System.Runtime.InteropServices;

namespace EgressAgent.Linux.Interop;

/// <summary>
/// libsystemd. Every function returns a negative error number on failure and leaves errno alone. Its C variadics
/// (<c>sd_bus_message_append</c>, <c>sd_journal_send</c>, …) are not here, because a P/Invoke cannot call them portably.
/// </summary>
/// <remarks>
/// <c>sd_bus</c>, messages and slots are passed as bare pointers and not as safe handles: their reference counts are not atomic,
/// so a finalizer on another thread must never touch them.
/// </remarks>
internal static unsafe partial class LibSystemd
{
    private const string Library = "libsystemd.so.0";

    /// <summary>The address of <c>sd_bus_object_vtable_format</c>, by which sd-bus recognises the layout of a vtable.</summary>
    internal static nint sd_bus_object_vtable_format { get; } =
        NativeLibrary.GetExport(NativeLibrary.Load(Library), nameof(sd_bus_object_vtable_format));

    /// <summary>Throws what a negative result says; returns the result otherwise.</summary>
    /// <exception cref="LinuxException">The result is negative.</exception>
    internal static int Check(int result, string operation, string subject) =>
        result >= 0 ? result : throw new LinuxException(operation, subject, new Errno(-result));
}
