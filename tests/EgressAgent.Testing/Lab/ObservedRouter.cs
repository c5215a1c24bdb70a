using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace EgressAgent.Testing.Lab;

/// <summary>A router as the machine's own tools show it. Each property asks anew.</summary>
public sealed partial class ObservedRouter(string name, string @namespace = "default")
{
    /// <summary>The name of its network namespace, as <c>ip netns</c> shows it.</summary>
    public string NetworkNamespace { get; } = $"egress.{@namespace}.{name}";

    public bool Exists => File.Exists("/run/netns/" + NetworkNamespace);

    /// <summary>The identity of its network namespace: changes when it is made anew.</summary>
    public string Identity => ThreadNamespaces.Of("/run/netns/" + NetworkNamespace);

    /// <summary>Where its clients connect to, or null while it has no such address.</summary>
    public string? InsideAddress => Match(Inet(), TryIp("-4 -oneline address show dev eth0"));

    /// <summary>What <c>ip route</c> prints in it.</summary>
    public string Routes => Ip("route");

    /// <summary>What identifies its links: index, name and MAC of each.</summary>
    public IReadOnlyList<string> Links =>
        [.. LinkLine().Matches(Ip("-oneline link show")).Select(m => $"{m.Groups[1]} {m.Groups[2]} {m.Groups[3]}")];

    /// <summary>What <c>nft</c> shows of its packet filter.</summary>
    public string Ruleset => Command.Check("nsenter", "--net=/run/netns/" + NetworkNamespace, "--", "nft", "list", "ruleset");

    /// <summary>A socket of it, which keeps it alive without a process in it.</summary>
    public Socket CreateSocket() => NamespaceEntry.Run(
        "/run/netns/" + NetworkNamespace, () => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));

    /// <summary>Runs <c>ip</c> in it and hands back its output.</summary>
    public string Ip(string arguments) => Command.Check(["ip", "-n", NetworkNamespace, .. LabHost.Words(arguments)]);

    /// <summary>Waits until clients can connect to it.</summary>
    /// <returns>Its inside address.</returns>
    public string WaitForInsideAddress(AgentProcess agent)
    {
        string? address = null;
        Eventually.True(
            $"the inside address of {NetworkNamespace}", () => (address = InsideAddress) is not null, otherwise: () => agent.Log);
        return address!;
    }

    /// <summary>
    /// Takes its network namespace away and waits until the agent made another, with the same inside address. What clients reach before
    /// that may be the former one, which the agent still holds.
    /// </summary>
    public void LoseNetns(AgentProcess agent)
    {
        string? inside = InsideAddress;
        NamedNetns.Delete(NetworkNamespace);
        Eventually.True(
            $"another namespace {NetworkNamespace}", () => Exists && InsideAddress == inside, otherwise: () => agent.Log);
    }

    private static string? Match(Regex pattern, string text) => pattern.Match(text) is { Success: true } match ? match.Groups[1].Value : null;

    private string TryIp(string arguments) => Command.Run(["ip", "-n", NetworkNamespace, .. LabHost.Words(arguments)]).Output;

    [GeneratedRegex(@"inet ([0-9.]+)")]
    private static partial Regex Inet();

    [GeneratedRegex(@"^(\d+): ([^:@]+).* link/ether (\S+)", RegexOptions.Multiline)]
    private static partial Regex LinkLine();
}
