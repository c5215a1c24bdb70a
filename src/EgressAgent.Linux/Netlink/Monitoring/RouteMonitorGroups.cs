namespace EgressAgent.Linux.Netlink.Monitoring;

/// <summary>What a <see cref="RouteMonitor"/> tells of.</summary>
[Flags]
public enum RouteMonitorGroups
{
    None = 0,
    Links = 1 << 0,

    /// <summary>Of both families, as for routes and rules.</summary>
    Addresses = 1 << 1,
    Routes = 1 << 2,
    Rules = 1 << 3,

    /// <summary>ARP and NDP entries: many, on a busy network.</summary>
    Neighbours = 1 << 4,

    /// <summary>Ids by which the namespace knows other namespaces; one goes away with the namespace that it stands for.</summary>
    NetnsIds = 1 << 5,

    /// <summary>Some of the settings under net.ipv4.conf and net.ipv6.conf: see <see cref="RouteNotification.SettingChanged"/>.</summary>
    Settings = 1 << 6,

    /// <summary>What makes up the configuration of a namespace.</summary>
    Configuration = Links | Addresses | Routes | Rules | Settings,
}
