using System.Globalization;
using EgressAgent.Linux.Namespaces;
using Microsoft.Extensions.Hosting.Systemd;

namespace EgressAgent.Daemon.Hosting;

/// <summary>
/// Whether the names of network namespaces that the agent makes are seen by others. They are mounts; from a mount namespace that a
/// unit's sandboxing or <c>ip netns exec</c> made they do not reach the node's.
/// </summary>
internal static class MountNamespace
{
    // What of the file system each of them mounts anew (systemd.exec(5)). The first and the last do so with more than that: they are
    // named alone.
    private static readonly (string Path, string Directive)[] Directives =
    [
        ("/", "ProtectSystem=strict or RootDirectory="), ("/tmp", "PrivateTmp="), ("/var/tmp", "PrivateTmp="), ("/usr", "ProtectSystem="), ("/boot", "ProtectSystem="), ("/efi", "ProtectSystem="),
        ("/etc", "ProtectSystem="), ("/home", "ProtectHome="), ("/root", "ProtectHome="), ("/run/user", "ProtectHome="), ("/dev", "PrivateDevices="),
        ("/proc/kmsg", "ProtectKernelLogs="), ("/dev/kmsg", "ProtectKernelLogs="), ("/proc/sys", "ProtectKernelTunables="),
        ("/sys/fs/cgroup", "ProtectControlGroups="), ("/lib/modules", "ProtectKernelModules="), ("/usr/lib/modules", "ProtectKernelModules="),
        ("/dev/mqueue", "PrivateIPC="), ("/proc", "ProtectProc= or ProcSubset="),
    ];

    /// <summary>Why what is mounted in the directory of names is seen by nobody else, and what to do about it; null when it is seen.</summary>
    internal static string? WhyHidden() => WhyHidden(Mount.TryRead("self"), Mount.TryRead("1"), IsService);

    // By the parent's name, which ProtectProc= hides, or by what systemd.exec(5) says.
    private static bool IsService =>
        SystemdHelpers.IsSystemdService() || Environment.GetEnvironmentVariable("SYSTEMD_EXEC_PID") == Environment.ProcessId.ToString(CultureInfo.InvariantCulture);

    /// <param name="own">The mounts of this process; null when they cannot be read.</param>
    /// <param name="others">Those of process 1; null when they cannot be read.</param>
    /// <param name="isService">Whether the service manager started this process.</param>
    internal static string? WhyHidden(IReadOnlyList<Mount>? own, IReadOnlyList<Mount>? others, bool isService)
    {
        if (own is null || Mount.Holding(NetworkNamespace.DirectoryPath, own) is not { } mine)
        {
            return null;
        }

        Mount? theirs = others is null ? null : Mount.Holding(NetworkNamespace.DirectoryPath, others);
        bool isSeen = theirs is not null && (theirs.Id == mine.Id || (mine.PeerGroup is not null && mine.PeerGroup == theirs.PeerGroup));

        // Who made a mount namespace for a container, or for a test, made its directory of names too. A service has the node's, and so
        // has what takes part in the node's mounts without giving to them.
        bool isTheNodes = theirs is null ? mine.MasterGroup is not null : isService || (mine.MasterGroup is not null && mine.MasterGroup == theirs.PeerGroup);
        return isSeen || !isTheNodes ? null : Describe(own, others ?? [], isService);
    }

    private static string Describe(IReadOnlyList<Mount> own, IReadOnlyList<Mount> others, bool isService)
    {
        const string Hidden = "the agent has a mount namespace of its own, so no other process, ip netns and a restarted agent among them, would see its network namespaces";
        if (!isService)
        {
            return $"{Hidden}; start it without unshare --mount, and not by ip netns exec, but: nsenter --net={NetworkNamespace.DirectoryPath}/NAME egress-agentd run";
        }

        string by = WhichDirective(own, others) is { } directive
            ? $"by {directive}"
            : "by one of Private…=, Protect…=, ReadOnlyPaths=, InaccessiblePaths=, TemporaryFileSystem=, BindPaths=, MountFlags= and RootDirectory=";
        return $"{Hidden}; it is made {by} in the unit or a drop-in of it (systemctl cat egress-agentd): take that out, then: "
            + "systemctl daemon-reload; systemctl restart egress-agentd";
    }

    private static string? WhichDirective(IReadOnlyList<Mount> own, IReadOnlyList<Mount> others)
    {
        // Where others are hidden, nothing but what hides them is known. That the node's own /proc hides them is of its master group.
        if (own.LastOrDefault(mount => mount.Path == "/proc") is { MasterGroup: null } proc)
        {
            string[] options = proc.FileSystemOptions.Split(',');
            if (options.Any(option => option.StartsWith("hidepid=", StringComparison.Ordinal) && option is not ("hidepid=off" or "hidepid=0")))
            {
                return "ProtectProc=";
            }

            if (options.Contains("subset=pid"))
            {
                return "ProcSubset=";
            }
        }

        if (others.Count == 0)
        {
            return null;
        }

        HashSet<(string, string, string, bool)> known = [.. others.Select(Identify)];
        HashSet<string> differing = [.. own.Where(mount => !known.Contains(Identify(mount))).Select(mount => mount.Path)];
        if (own.LastOrDefault(mount => mount.Path == "/run") is { FileSystem: "tmpfs" } run && others.All(other => other.Device != run.Device))
        {
            return "TemporaryFileSystem=/run";
        }

        string[] found = [.. Directives.Where(entry => differing.Contains(entry.Path)).Select(entry => entry.Directive).Distinct()];
        return found.Length <= 1 || differing.Contains("/") ? found.FirstOrDefault() : string.Join(" and ", found.Where(directive => directive != Directives[^1].Directive));
    }

    private static (string Path, string Device, string Root, bool IsReadOnly) Identify(Mount mount) =>
        (mount.Path, mount.Device, mount.Root, mount.Options.Split(',').Contains("ro"));
}
