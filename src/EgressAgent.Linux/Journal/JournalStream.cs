using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Journal;

/// <summary>Whether our own output already goes to the journal (systemd.exec(5), JOURNAL_STREAM).</summary>
public static class JournalStream
{
    private const int StandardError = 2;

    /// <summary>
    /// True where systemd connected standard error to the journal and nothing has redirected it since: then log entries belong to the
    /// journal, with their fields; else somebody reads the output.
    /// </summary>
    public static bool IsStandardError => IsStream(Environment.GetEnvironmentVariable("JOURNAL_STREAM"), StandardError);

    /// <summary>Whether the variable names the file behind the descriptor.</summary>
    /// <param name="variable">JOURNAL_STREAM: device and inode in decimal, with a colon between.</param>
    /// <param name="descriptor">The descriptor to compare with.</param>
    internal static bool IsStream(string? variable, int descriptor)
    {
        if (variable?.Split(':') is not [string device, string inode]
            || !ulong.TryParse(device, out ulong wantedDevice)
            || !ulong.TryParse(inode, out ulong wantedInode)
            || LibC.statx(descriptor, "", LibC.AT_EMPTY_PATH, LibC.STATX_INO, out Statx status) < 0)
        {
            return false;
        }

        return wantedInode == status.stx_ino && wantedDevice == MakeDevice(status.stx_dev_major, status.stx_dev_minor);
    }

    // gnu_dev_makedev of the C library, whose dev_t is what systemd prints.
    private static ulong MakeDevice(ulong major, ulong minor) =>
        ((major & 0xfffff000) << 32) | ((major & 0xfff) << 8) | ((minor & 0xffffff00) << 12) | (minor & 0xff);
}
