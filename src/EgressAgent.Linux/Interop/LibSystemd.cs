namespace EgressAgent.Linux.Interop;

/// <summary>
/// libsystemd. Every function returns a negative error number on failure and leaves errno alone. Its C variadics
/// (<c>sd_journal_send</c>, …) are not here, because a P/Invoke cannot call them portably.
/// </summary>
internal static unsafe partial class LibSystemd
{
    private const string Library = "libsystemd.so.0";

    /// <summary>Throws what a negative result says; returns the result otherwise.</summary>
    /// <exception cref="LinuxException">The result is negative.</exception>
    internal static int Check(int result, string operation, string subject) =>
        result >= 0 ? result : throw new LinuxException(operation, subject, new Errno(-result));
}
