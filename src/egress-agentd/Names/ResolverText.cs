using System.Net;
using System.Text;

namespace EgressAgent.Daemon.Names;

/// <summary>The node's resolv.conf(5) as it is of use in a router's netns.</summary>
internal static class ResolverText
{
    private static readonly string[] Kept = ["nameserver", "search", "domain", "options", "sortlist"];

    /// <summary>
    /// The servers that can be reached from elsewhere than the node, with search list and options. Without one, a comment says why there is
    /// none, and names are not resolved.
    /// </summary>
    /// <param name="path">Where the node's file is, for the comment.</param>
    /// <param name="main">The node's file; null when it is not there.</param>
    /// <param name="upstream">What its local resolver asks, which counts where the node's file names that resolver alone; null when it is not there.</param>
    internal static string Compose(string path, string? main, string? upstream)
    {
        string source = new[] { main, upstream }.FirstOrDefault(text => text is not null && Lines(text).Any(IsServer)) ?? main ?? "";
        string[] lines = [.. Lines(source)];
        StringBuilder text = new($"# Written by egress-agentd from {path}, for processes in the network namespace of a router.\n");
        if (!lines.Any(IsServer))
        {
            text.Append($"# No name server: all that {path} names are on the node itself, and nobody knows whom they ask.\n");
        }

        return text.AppendJoin("", lines.Select(line => $"{line}\n")).ToString();
    }

    private static IEnumerable<string> Lines(string text) =>
        from line in text.Split('\n')
        let words = line.Split((char[])[' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries)
        where words.Length > 1 && Kept.Contains(words[0]) && (words[0] != Kept[0] || IsElsewhere(words[1]))
        select string.Join(' ', words);

    private static bool IsServer(string line) => line.StartsWith(Kept[0], StringComparison.Ordinal);

    // "Any" is the host itself to glibc. A link-local address is one of a link that is not there.
    private static bool IsElsewhere(string server) =>
        IPAddress.TryParse(server, out IPAddress? parsed)
        && (parsed.IsIPv4MappedToIPv6 ? parsed.MapToIPv4() : parsed) is var address
        && !IPAddress.IsLoopback(address)
        && !address.IsIPv6LinkLocal
        && !address.Equals(IPAddress.Any)
        && !address.Equals(IPAddress.IPv6Any);
}
