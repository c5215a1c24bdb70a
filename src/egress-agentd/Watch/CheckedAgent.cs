using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Neighbours;
using EgressAgent.Model;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;

namespace EgressAgent.Daemon.Watch;

/// <summary>The agent for which files are checked: where it reads them, and on what node.</summary>
/// <param name="RoutersDirectory">Its router files. Who can write them can configure the node, which is asked of no other file.</param>
/// <param name="ConfigurationPath">Its settings, which need not exist.</param>
internal sealed record CheckedAgent(string RoutersDirectory, string ConfigurationPath)
{
    /// <summary>The sysctl by which the node forwards for others; null when it does not.</summary>
    internal string? ForwardingSwitch { get; init; } = FindForwardingSwitch();

    /// <summary>The addresses that the node has, but for its loopback's; none when the kernel does not tell.</summary>
    internal IReadOnlySet<IPAddress> NodeAddresses { get; init; } = FindNodeAddresses();

    /// <summary>What the tables take that the node's routers share.</summary>
    internal NodeTables Tables { get; init; } = FindTables();

    /// <summary>From which file each router of the running agent comes, as far as that is known.</summary>
    internal IReadOnlyDictionary<RouterKey, string> RunningFiles { get; init; } = ImmutableDictionary<RouterKey, string>.Empty;

    internal bool Reads(string path) => Path.GetDirectoryName(Path.GetFullPath(path)) == Path.GetFullPath(RoutersDirectory);

    /// <summary>Null when there are none, or none that can be read.</summary>
    internal AgentConfiguration? ReadConfiguration() =>
        File.Exists(ConfigurationPath) ? AgentSettingsFile.TryRead(ConfigurationPath, ConfigurationPath)?.Configuration : null;

    private static HashSet<IPAddress> FindNodeAddresses()
    {
        try
        {
            using var netns = NetworkNamespace.Current();
            using var route = RouteNetlink.Open(netns);
            int? loopback = route.GetLink("lo")?.Index;
            return [.. route.GetAddresses().Where(address => address.LinkIndex != loopback).Select(address => address.Address)];
        }
        catch (LinuxException)
        {
            // In a sandbox, for one. What the files say is checked all the same.
            return [];
        }
    }

    private static NodeTables FindTables()
    {
        try
        {
            using var netns = NetworkNamespace.Current();
            using var route = RouteNetlink.Open(netns);
            IReadOnlyList<NeighbourTable> neighbours = route.GetNeighbourTables();
            return new NodeTables(
                neighbours.FirstOrDefault(table => table.Family == AddressFamily.InterNetwork)?.Limit,
                neighbours.FirstOrDefault(table => table.Family == AddressFamily.InterNetworkV6)?.Limit,
                NodeTables.WhenCrowded(ReadNumber("net/netfilter/nf_conntrack_count"), ReadNumber("net/netfilter/nf_conntrack_max")));
        }
        catch (LinuxException)
        {
            return NodeTables.Unknown;
        }
    }

    // Without connection tracking there are none.
    private static long ReadNumber(string key) => long.TryParse(Read(key), CultureInfo.InvariantCulture, out long number) ? number : 0;

    private static string? FindForwardingSwitch() =>
        ((string[])["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"]).FirstOrDefault(IsOn)?.Replace('/', '.');

    private static bool IsOn(string key) => Read(key)?.StartsWith('1') == true;

    private static string? Read(string key)
    {
        try
        {
            return File.ReadAllText($"/proc/sys/{key}");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
