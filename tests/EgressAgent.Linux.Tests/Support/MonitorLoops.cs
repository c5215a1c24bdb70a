using EgressAgent.Linux.Netlink.Monitoring;

namespace EgressAgent.Linux.Tests.Support;

internal static class MonitorLoops
{
    /// <summary>Reads a monitor when it can be read, and calls back with each change.</summary>
    public static void Add<T>(this NetlinkMonitorLoop loop, NetlinkMonitor<T> monitor, Action<T> callback)
        where T : class => loop.Add(monitor, () =>
    {
        foreach (T change in monitor.Read())
        {
            callback(change);
        }
    });
}
