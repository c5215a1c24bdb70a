using System.Net;

namespace EgressAgent.Daemon.Names;

/// <summary>Which names are the node's own, and never lead to a Service for the node itself.</summary>
/// <param name="hostName">The node's.</param>
/// <param name="entries">The lines of its hosts file that are not the agent's: the node's other names stand beside that one.</param>
internal sealed class NodeNames(string hostName, IReadOnlyList<NameLine> entries)
{
    private readonly HashSet<string> _own = OwnNames(hostName, entries);

    /// <summary>The lines without such names.</summary>
    internal IReadOnlyList<NameLine> Without(IEnumerable<NameLine> lines) =>
    [
        .. lines.Select(line => line with { Names = [.. line.Names.Where(name => !IsOwn(name))] }).Where(line => line.Names.Count > 0),
    ];

    /// <summary>The names of the lines that are left out.</summary>
    internal IEnumerable<string> In(IEnumerable<NameLine> lines) => lines.SelectMany(line => line.Names).Where(IsOwn).Distinct();

    private bool IsOwn(string name) => _own.Contains(name)
        || name.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase)
        || IPAddress.TryParse(name, out _);

    private static HashSet<string> OwnNames(string hostName, IReadOnlyList<NameLine> entries)
    {
        HashSet<string> own = new(StringComparer.OrdinalIgnoreCase) { hostName, hostName.Split('.')[0] };
        own.UnionWith([.. entries.Where(entry => entry.Names.Any(own.Contains)).SelectMany(entry => entry.Names)]);
        own.UnionWith(["localhost", "localhost.localdomain", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback"]);
        return own;
    }
}
