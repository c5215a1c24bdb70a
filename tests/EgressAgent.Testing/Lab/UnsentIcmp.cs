using System.Globalization;

namespace EgressAgent.Testing.Lab;

/// <summary>
/// ICMP errors that the kernel could not send, and counted. All network namespaces of the machine share one send buffer per processor for
/// them: while those of another sandbox wait for a neighbour or a processor there is no room, and a refusal is lost.
/// </summary>
/// <remarks>Source: icmp_xmit_lock() of net/ipv4/icmp.c, and findings/icmp-errors-of-all-network-namespaces-share-a-buffer.sh.</remarks>
public static class UnsentIcmp
{
    private static long _known;

    /// <summary>How many, of all named network namespaces together.</summary>
    public static long Count() => Directory.GetFiles("/run/netns").Sum(Count);

    /// <summary>Whether some were since this was asked last: then who had no answer asks again.</summary>
    public static bool HasChanged()
    {
        long count = Count();
        return Interlocked.Exchange(ref _known, count) != count;
    }

    private static long Count(string netns) => NamespaceEntry.Run(netns, () =>
    {
        string[][] lines = [.. File.ReadLines("/proc/thread-self/net/snmp").Where(line => line.StartsWith("Icmp:", StringComparison.Ordinal)).Select(line => line.Split(' '))];
        return Parse(lines[1][Array.IndexOf(lines[0], "OutErrors")])
            + File.ReadLines("/proc/thread-self/net/snmp6").Where(line => line.StartsWith("Icmp6OutErrors", StringComparison.Ordinal)).Sum(line => Parse(line.Split()[^1]));
    });

    private static long Parse(string number) => long.Parse(number, CultureInfo.InvariantCulture);
}
