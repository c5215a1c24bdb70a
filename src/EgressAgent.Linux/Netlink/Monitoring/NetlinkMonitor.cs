namespace EgressAgent.Linux.Netlink.Monitoring;

/// <summary>
/// A subscription to what changes in one network namespace. It collects from the moment it is opened: open it first, then list
/// what is there. One thread reads; <see cref="NetlinkMonitorLoop"/> does it for many monitors.
/// </summary>
public abstract class NetlinkMonitor : IDisposable
{
    // Room for the burst of some thousand changes, in bytes as the kernel counts them.
    internal const int ReceiveBufferSize = 4 * 1024 * 1024;

    private protected NetlinkMonitor(NetlinkSocket socket) => Socket = socket;

    internal NetlinkSocket Socket { get; }

    public void Dispose()
    {
        Socket.Dispose();
        GC.SuppressFinalize(this);
    }
}
