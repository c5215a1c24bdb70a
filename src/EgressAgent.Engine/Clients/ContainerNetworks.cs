using System.Net;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Clients;

/// <summary>
/// The network namespaces of containers on this node by the addresses in them, found where engines mount them. None is kept alive:
/// a container's links would outlive it. Not thread-safe.
/// </summary>
/// <param name="node">The node's own, which engines mount as well.</param>
/// <param name="directories">Where engines mount them.</param>
/// <param name="time">The clock.</param>
internal sealed class ContainerNetworks(NetworkNamespaceId node, IReadOnlyList<string> directories, TimeProvider time)
{
    /// <summary>Docker's, and where Podman and CNI plugins have theirs.</summary>
    internal static readonly IReadOnlyList<string> EngineDirectories = ["/run/docker/netns", NetworkNamespace.DirectoryPath];

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private ILookup<IPAddress, string> _paths = Array.Empty<string>().ToLookup(_ => IPAddress.None);
    private Dictionary<string, (NetworkNamespaceId Id, IPAddress[] Addresses)> _seen = [];
    private DateTime[] _changedAt = [];
    private long _readAt;

    /// <summary>Opens those that have an address; they belong to the caller.</summary>
    internal IEnumerable<NetworkNamespace> Having(IPAddress address)
    {
        if (!_paths.Contains(address))
        {
            Refresh();
        }

        return _paths[address].Select(TryOpen).OfType<NetworkNamespace>();
    }

    // One that was mounted just now is looked at, at once; one whose addresses change, within a second.
    private void Refresh()
    {
        DateTime[] changedAt = [.. directories.Select(Directory.GetLastWriteTimeUtc)];
        if (changedAt.SequenceEqual(_changedAt) && time.GetElapsedTime(_readAt) < Interval)
        {
            return;
        }

        Dictionary<string, (NetworkNamespaceId Id, IPAddress[] Addresses)> seen = [];
        foreach (string path in directories.SelectMany(List))
        {
            using NetworkNamespace? netns = TryOpen(path);
            if (netns is null || netns.Id == node)
            {
                continue;
            }

            seen[path] = _seen.TryGetValue(path, out var known) && known.Id == netns.Id && known.Addresses.Length > 0
                ? known
                : (netns.Id, ReadAddresses(netns));
        }

        _seen = seen;
        _paths = seen.SelectMany(entry => entry.Value.Addresses.Select(address => (address, entry.Key))).ToLookup(entry => entry.address, entry => entry.Key);
        _changedAt = changedAt;
        _readAt = time.GetTimestamp();
    }

    private static IEnumerable<string> List(string directory)
    {
        try
        {
            return Directory.GetFiles(directory).Where(path => !IsOurs(Path.GetFileName(path)));
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static bool IsOurs(string name) => name == ServiceNames.Netns || RouterNames.TryParseNetns(name, out _);

    private static NetworkNamespace? TryOpen(string path)
    {
        try
        {
            return NetworkNamespace.OpenPath(path);
        }
        catch (LinuxException)
        {
            // It went, or is none.
            return null;
        }
    }

    private static IPAddress[] ReadAddresses(NetworkNamespace netns)
    {
        try
        {
            using RouteNetlink route = RouteNetlink.Open(netns);
            return [.. route.GetAddresses().Select(entry => entry.Address).Where(address => !IPAddress.IsLoopback(address) && !address.IsIPv6LinkLocal)];
        }
        catch (LinuxException)
        {
            return [];
        }
    }
}
