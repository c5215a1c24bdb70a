using EgressAgent.Linux.Epoll;
using EgressAgent.Linux.Interop;

namespace EgressAgent.Linux.Namespaces;

/// <summary>
/// Tells when something is mounted or unmounted where the process is, be it the name of a network namespace: those are mounts.
/// <see cref="Netlink.Monitoring.NetlinkMonitorLoop"/> reads it.
/// </summary>
/// <remarks>Source: proc_pid_mounts(5), on poll(2).</remarks>
public sealed class MountMonitor : IDisposable
{
    /// <summary>A change is told once; that the file can be read is told always.</summary>
    internal const EpollEvents Events = EpollEvents.Priority;

    private const string Mounts = "/proc/self/mountinfo";

    private readonly FileHandle _file;

    private MountMonitor(FileHandle file) => _file = file;

    internal int Descriptor => _file.Descriptor;

    /// <exception cref="LinuxException">/proc is not mounted, or no descriptor is left.</exception>
    public static MountMonitor Open()
    {
        int descriptor = LibC.open(Mounts, LibC.O_RDONLY | LibC.O_CLOEXEC, 0);
        return descriptor >= 0 ? new MountMonitor(new FileHandle(descriptor)) : throw new LinuxException("watch mounts", Mounts, Errno.Last);
    }

    public void Dispose() => _file.Dispose();
}
