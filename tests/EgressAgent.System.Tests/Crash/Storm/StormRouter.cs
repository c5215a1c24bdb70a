using System.Text.RegularExpressions;
using EgressAgent.Model.Planning;
using EgressAgent.System.Tests.DataPath;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Crash.Storm;

/// <summary>
/// A router that is edited and damaged during a storm. It has a few documents, made up from the seed, and knows what each makes of
/// the kernel when nothing disturbs it.
/// </summary>
internal sealed partial class StormRouter
{
    private const int DocumentCount = 3;
    private const int HostsPerRouter = 6;

    private readonly DataPathLab _lab;
    private readonly string?[] _views = new string?[DocumentCount];

    // They stay as long as there is a file that has addresses of their family.
    private string[] _insideAddresses = [];

    internal StormRouter(DataPathLab lab, Random random, int number)
    {
        _lab = lab;
        Name = $"storm{number}";
        File = $"{Name}.yaml";
        Documents = [.. Enumerable.Range(0, DocumentCount).Select(_ => MakeDocument(random, number))];
    }

    internal string Name { get; }

    internal IReadOnlyList<string> Documents { get; }

    internal Testing.Lab.ObservedRouter Observed => new(Name);

    internal string NodeLink => NodeLinkOf(Name);

    /// <summary>The file that it is in now.</summary>
    internal string File { get; private set; }

    /// <summary>The document that is to be in force; null for none.</summary>
    internal int? Current { get; private set; }

    /// <summary>Whether <see cref="Current"/> has been seen in force, so that it is what the agent goes back to from an error.</summary>
    internal bool IsInForce { get; private set; }

    /// <summary>The name of a router's end of the veth on the node.</summary>
    internal static string NodeLinkOf(string router) => RouterNames.NodeLink(new("default", router));

    /// <summary>All addresses that may be in the documents of that many routers.</summary>
    internal static IEnumerable<string> Addresses(int routers) =>
        from number in Enumerable.Range(1, routers)
        from lan in (int[])[12, 13]
        from host in Enumerable.Range(FirstHost(number), HostsPerRouter)
        from address in (string[])[$"192.168.{lan}.{host}", $"2001:db8:{lan}::{host}"]
        select address;

    internal void Save(int document, bool inPlace)
    {
        Current = document;
        IsInForce = false;
        if (inPlace)
        {
            _lab.Files.Write(File, Documents[document]);
        }
        else
        {
            _lab.Files.Replace(File, Documents[document]);
        }
    }

    /// <summary>Saves an error over what is in force.</summary>
    internal void Spoil() => _lab.Files.Replace(File, $"{Documents[Current!.Value]}spoilt: by the storm\n");

    internal void Delete()
    {
        _lab.Files.Delete(File);
        Current = null;
        IsInForce = false;
        _insideAddresses = [];
    }

    internal void Rename()
    {
        string name = File == $"{Name}.yaml" ? $"{Name}-renamed.yaml" : $"{Name}.yaml";
        _lab.Files.Move(File, name);
        File = name;
    }

    /// <summary>Remembers what the current document, which is in force, made of the kernel.</summary>
    internal void Learn() => _views[Current!.Value] = View();

    /// <summary>Asserts that the kernel is as the current document made it when it was learnt, and that no address was lost.</summary>
    internal void AssertInForce()
    {
        if (Current is not { } document)
        {
            Assert.Equal("no network namespace", View());
            return;
        }

        Assert.Equal(_views[document], View());
        string[] inside = [.. InsideAddress().Matches(Observed.Ip("-oneline address show dev eth0")).Select(match => match.Value)];
        foreach (string address in inside)
        {
            Assert.Equal(_insideAddresses.FirstOrDefault(known => known.Contains(':') == address.Contains(':')) ?? address, address);
        }

        _insideAddresses = inside;
        IsInForce = true;
    }

    // In an order of its own: the kernel lists what was added first, first. Who has which inside address depends on who came first.
    // Where IPv6 is off, its other settings may be what an earlier document made of them.
    private string View()
    {
        string view = InsideAddress().Replace(RouterView.Of(_lab.Node, Name).Replace(" secondary", ""), "INSIDE");
        bool isIPv6Off = view.Contains("all/disable_ipv6:1");
        return string.Join('\n', view.Split('\n').Order(StringComparer.Ordinal)
            .Where(line => !isIPv6Off || !line.StartsWith("/proc/sys/net/ipv6/", StringComparison.Ordinal) || line.Contains("disable_ipv6")));
    }

    private static int FirstHost(int number) => 100 + (HostsPerRouter * number);

    private static string MakeDocument(Random random, int number)
    {
        // Of each LAN, a range for each router: two routers never want the same address.
        bool isOnOtherLan = random.Next(4) == 0;
        int lan = isOnOtherLan ? 13 : 12;
        int host = FirstHost(number) + random.Next(HostsPerRouter / 2);
        bool hasIPv6 = random.Next(3) == 0;
        List<string> addresses = [$"{{ ip: 192.168.{lan}.{host}/24, gateway: 192.168.{lan}.1 }}"];
        if (random.Next(3) == 0)
        {
            addresses.Add($"{{ ip: 192.168.{lan}.{host + (HostsPerRouter / 2)}/24 }}");
        }

        if (hasIPv6)
        {
            addresses.Add($"{{ ip: \"2001:db8:{lan}::{host}/64\", gateway: \"2001:db8:{lan}::1\" }}");
        }

        List<string> rules = [.. Enumerable.Range(8000, 5).Where(_ => random.Next(2) == 0).Select(port => Rule(random, port, "203.0.113."))];
        if (hasIPv6)
        {
            rules.AddRange(Enumerable.Range(8010, 3).Select(port => Rule(random, port, "2001:db8:ff::")));
        }

        string fallback = random.Next(3) == 0 ? $", fallbackIP: {DataPathLab.Web}" : "";
        List<string> annotations = [];
        if (random.Next(4) == 0)
        {
            annotations.Add("egressagent.org/datapath: relay");
        }

        if (random.Next(4) == 0)
        {
            annotations.Add("egressagent.org/clients: \"10.88.0.0/16, fd88::/16\"");
        }

        string[] modes = ["Bridge", "Private", "VEPA"];
        return $$"""
            apiVersion: network.operator.openshift.io/v1
            kind: EgressRouter
            metadata: { name: storm{{number}}, annotations: { {{string.Join(", ", annotations)}} } }
            spec:
              networkInterface: { macvlan: { mode: {{modes[random.Next(modes.Length)]}}, master: {{(isOnOtherLan ? "eth1" : "eth0")}} } }
              addresses: [ {{string.Join(", ", addresses)}} ]
              redirect: { redirectRules: [ {{string.Join(", ", rules)}} ]{{fallback}} }

            """;
    }

    private static string Rule(Random random, int port, string network)
    {
        string destination = $"{network}{26 + random.Next(2)}";
        return random.Next(3) == 0
            ? $"{{ destinationIP: \"{destination}\", port: {port}, targetPort: 80, protocol: UDP }}"
            : $"{{ destinationIP: \"{destination}\", port: {port}, targetPort: {(random.Next(2) == 0 ? 80 : 8443)}, protocol: TCP }}";
    }

    // Those of routers: the first of a network is the node's.
    [GeneratedRegex(@"\b198\.18\.0\.(?!0/16|1\b)\d+|\bfd96:e9e5:a::(?!/112|1\b)[0-9a-f]+")]
    private static partial Regex InsideAddress();
}
