using System.Text.Json;
using System.Text.RegularExpressions;
using EgressAgent.Model;
using EgressAgent.Model.Planning;

namespace EgressAgent.Testing.Lab;

/// <summary>
/// All that the machine's own tools show of a router, as text that is the same whenever the router is the same: without numbers
/// and addresses that the kernel chooses anew for each link, and without counters.
/// </summary>
public static partial class RouterView
{
    private static readonly string[] SysctlKeys = [.. RouterSysctls.Keys];

    /// <summary>What there is of a router; it says so when there is nothing.</summary>
    public static string Of(LabHost node, string name)
    {
        RouterKey key = new("default", name);
        string netns = RouterNames.Netns(key);
        string nodeLink = RouterNames.NodeLink(key);
        JsonElement[] nodeLinks = Links(node.Namespace);
        List<string> lines = [.. nodeLinks.Where(link => Text(link, "ifname") == nodeLink).Select(link => $"node: {Describe(link, nodeLinks)}")];
        lines.AddRange(Lines(node.Namespace, "-oneline address").Where(line => line.Contains($" {nodeLink} ")).Select(Address));

        // Each family for itself: what fits in one answer of the kernel is of one moment. A longer dump may leave out routes while
        // others come and go.
        lines.AddRange(Lines(node.Namespace, "-4 route show table all").Where(line => line.Contains($" {nodeLink} ")));
        lines.AddRange(Lines(node.Namespace, "-6 route show table all").Where(line => line.Contains($" {nodeLink} ")));
        lines.RemoveAll(IsLinkLocal);
        if (!NetnsLab.NamespaceNames().Contains(netns))
        {
            return string.Join('\n', ["no network namespace", .. lines]);
        }

        lines.AddRange(Links(netns).Select(link => Describe(link, nodeLinks)));
        lines.AddRange(Lines(netns, "-oneline address").Select(Address));
        lines.AddRange(Lines(netns, "-4 route show table all"));
        lines.AddRange(Lines(netns, "-6 route show table all"));
        lines.AddRange(Lines(netns, "rule"));
        lines.AddRange(Lines(netns, "-6 rule"));
        lines.RemoveAll(IsLinkLocal);
        lines.Add(Inside(netns, "grep", ["--no-messages", "", .. SysctlKeys.Select(setting => $"/proc/sys/{setting}")]));
        lines.Add(Elements().Replace(Inside(netns, "nft", ["--stateless", "list", "ruleset"]), match => string.Join(
            "\n", match.Groups[1].Value.Split(',').Select(element => element.Trim()).Order(StringComparer.Ordinal))));
        return string.Join('\n', lines);
    }

    private static string Describe(JsonElement link, JsonElement[] nodeLinks)
    {
        JsonElement info = link.TryGetProperty("linkinfo", out JsonElement found) ? found : default;
        string kind = info.ValueKind == JsonValueKind.Object ? Text(info, "info_kind") : "";
        string mode = kind == "macvlan" ? Text(info.GetProperty("info_data"), "mode") : "";

        // Names of the links of another namespace are not shown, so the master is known by its number.
        string master = kind == "macvlan"
            ? nodeLinks.Where(candidate => Number(candidate, "ifindex") == Number(link, "link_index")).Select(candidate => Text(candidate, "ifname")).First()
            : "";
        string mac = kind == "macvlan" ? Text(link, "address") : "";
        bool isUp = link.GetProperty("flags").EnumerateArray().Any(flag => flag.GetString() == "UP");
        string altNames = link.TryGetProperty("altnames", out JsonElement names) ? names.ToString() : "";
        return $"{Text(link, "ifname")} {kind} {mode} on {master} MTU {Number(link, "mtu")} {mac} {(isUp ? "up" : "down")} {altNames}";
    }

    private static JsonElement[] Links(string netns)
    {
        using var document = JsonDocument.Parse(Command.Check("ip", "-n", netns, "-json", "-details", "link"));
        return [.. document.RootElement.Clone().EnumerateArray()];
    }

    // An address that is on its way out of the kernel's duplicate detection is another one afterwards.
    private static string Address(string line) => AddressLine().Match(line).Value;

    private static bool IsLinkLocal(string line) => line.Contains("fe80:") || line.Contains("ff00::") || line.Length == 0;

    private static string[] Lines(string netns, string arguments) => Command.Check(["ip", "-n", netns, .. LabHost.Words(arguments)]).Split('\n');

    private static string Inside(string netns, string program, IEnumerable<string> arguments) =>
        Command.Run(["nsenter", $"--net=/run/netns/{netns}", "--", program, .. arguments]).Output;

    private static string Text(JsonElement element, string property) =>
        element.TryGetProperty(property, out JsonElement value) ? value.ToString() : "";

    private static long Number(JsonElement element, string property) =>
        element.TryGetProperty(property, out JsonElement value) ? value.GetInt64() : 0;

    [GeneratedRegex(@"elements = \{([^}]*)\}")]
    private static partial Regex Elements();

    [GeneratedRegex(@"(?<=^\d+: ).*?(?= *\\)")]
    private static partial Regex AddressLine();
}
