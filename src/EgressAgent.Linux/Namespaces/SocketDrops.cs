using System.Globalization;
using System.Text;

namespace EgressAgent.Linux.Namespaces;

/// <summary>What sockets of one network namespace had no room for, since the namespace was made: the kernel drops it and tells nobody.</summary>
/// <param name="Datagrams">
/// UDP datagrams that came to a socket whose receive buffer was full (RcvbufErrors), or for which net.ipv4.udp_mem left no memory (MemErrors).
/// </param>
/// <param name="Connections">
/// Packets of TCP clients that came to a listener whose queue was full (ListenDrops, which includes ListenOverflows). A client sends them again.
/// </param>
public readonly record struct SocketDrops(ulong Datagrams, ulong Connections)
{
    private const int MaxLength = 1 << 16;

    /// <summary>Those of both families. What a kernel does not count is 0.</summary>
    /// <exception cref="LinuxException">The namespace cannot be entered, or the kernel refused.</exception>
    public static SocketDrops Read(NetworkNamespace netns) => Parse(Text(netns, "snmp"), Text(netns, "snmp6"), Text(netns, "netstat"));

    /// <summary>The same of the texts of <c>/proc/net/snmp</c>, <c>snmp6</c> and <c>netstat</c>, proc_net(5).</summary>
    internal static SocketDrops Parse(string snmp, string snmp6, string netstat) => new(
        Find(snmp, "Udp:", "RcvbufErrors") + Find(snmp, "Udp:", "MemErrors") + Find(snmp6, "Udp6RcvbufErrors") + Find(snmp6, "Udp6MemErrors"),
        Find(netstat, "TcpExt:", "ListenDrops"));

    private static string Text(NetworkNamespace netns, string name) =>
        NetnsFile.TryRead(netns, name, MaxLength) is { } content ? Encoding.ASCII.GetString(content.Span) : "";

    // A line of names and a line of numbers, both of which begin with the group.
    private static ulong Find(string text, string group, string name)
    {
        string[] lines = [.. text.Split('\n').Where(line => line.StartsWith(group, StringComparison.Ordinal))];
        return lines is [var names, var numbers] && Array.IndexOf(names.Split(' '), name) is > 0 and var index ? ToNumber(numbers.Split(' ').ElementAtOrDefault(index)) : 0;
    }

    // A line for each name.
    private static ulong Find(string text, string name) => text.Split('\n')
        .Select(line => line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
        .Where(words => words is [var first, _] && first == name)
        .Select(words => ToNumber(words[1]))
        .FirstOrDefault();

    private static ulong ToNumber(string? word) => ulong.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) ? number : 0;
}
