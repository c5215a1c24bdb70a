using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Systemd;

/// <summary>
/// Tells the service manager how we are (sd_notify(3), Type=notify). Where nobody asked (no NOTIFY_SOCKET), each call does
/// nothing. Any thread may call; a call is one datagram and waits for nobody but a manager that does not read.
/// </summary>
public static unsafe class ServiceNotifier
{
    /// <summary>We are up, and how we are: in one datagram, so that the manager has both or neither.</summary>
    /// <param name="status">As in <see cref="Status"/>.</param>
    /// <returns>True where a manager was told. The same holds for the other members.</returns>
    /// <exception cref="LinuxException">The manager's socket refused. The same holds for the other members.</exception>
    public static bool Ready(string status) => Send($"READY=1\nSTATUS={OneLine(status)}");

    /// <summary>Shows one line in <c>systemctl status</c>.</summary>
    public static bool Status(string status) => Send("STATUS=" + OneLine(status));

    /// <summary>We are going down.</summary>
    public static bool Stopping() => Send("STOPPING=1");

    /// <summary>We are alive; due at least once each <see cref="Watchdog.Interval"/>.</summary>
    public static bool Alive() => Send("WATCHDOG=1");

    /// <summary>
    /// Has the manager keep descriptors over a restart, under one name; they come back by <see cref="PassedDescriptors.Take"/>.
    /// Needs FileDescriptorStoreMax= in the unit. The caller keeps its own. The manager keeps them until it is told to remove them, also
    /// when they report an error or a hang-up.
    /// </summary>
    /// <param name="name">Up to 255 printable ASCII characters, no colon.</param>
    /// <param name="descriptors">What to keep.</param>
    public static bool StoreDescriptors(string name, params ReadOnlySpan<FileHandle> descriptors)
    {
        DemandName(name);
        int* numbers = stackalloc int[descriptors.Length];
        for (int i = 0; i < descriptors.Length; i++)
        {
            numbers[i] = descriptors[i].Descriptor;
        }

        bool told = Send($"FDSTORE=1\nFDPOLL=0\nFDNAME={name}", numbers, descriptors.Length);
        foreach (FileHandle descriptor in descriptors)
        {
            GC.KeepAlive(descriptor);
        }

        return told;
    }

    /// <summary>Has the manager close what it keeps under that name.</summary>
    public static bool RemoveStoredDescriptors(string name)
    {
        DemandName(name);
        return Send($"FDSTOREREMOVE=1\nFDNAME={name}");
    }

    private static bool Send(string state, int* descriptors = null, int count = 0) => LibSystemd.Check(
        LibSystemd.sd_pid_notify_with_fds(0, 0, state, descriptors, (uint)count), "notify the service manager", state) > 0;

    // A newline would begin another assignment.
    private static string OneLine(string text) => text.ReplaceLineEndings(" ");

    private static void DemandName(string name)
    {
        if (name.Length is 0 or > 255 || name.AsSpan().IndexOfAnyExceptInRange(' ', '~') >= 0 || name.Contains(':'))
        {
            throw new ArgumentException($"'{name}' is not a name for stored descriptors.", nameof(name));
        }
    }
}
