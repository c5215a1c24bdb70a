namespace EgressAgent.Daemon;

/// <summary>Where things are unless the command line says otherwise.</summary>
internal static class Paths
{
    internal const string Routers = "/etc/egress-router";
    internal const string Configuration = "/etc/egress-agentd/agentd.yaml";
    internal const string State = "/var/lib/egress-agentd";
    internal const string Runtime = "/run/egress-agentd";
    internal const string Hosts = "/etc/hosts";
    internal const string ResolverConfiguration = "/etc/resolv.conf";
    internal const string Resolve = "/run/systemd/resolve";
}
