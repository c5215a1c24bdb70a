using System.Globalization;
using System.Net;
using EgressAgent.Model.Planning;

namespace EgressAgent.Testing.Tracing;

/// <summary>A field that matches ask for.</summary>
/// <param name="Read">Its value, in the spelling of <paramref name="Normalize"/>; null for a packet that has no such field.</param>
/// <param name="Normalize">One spelling for a value of a rule; null for a value that no packet here ever has.</param>
internal sealed record Selector(Func<Passage, string?> Read, Func<string, string?> Normalize)
{
    private static readonly Dictionary<string, Selector> All = new()
    {
        ["iifgroup"] = new(passage => Group(passage.In), OneOf([.. LinkGroups.All.Values.Select(group => $"{group}")])),
        ["oifgroup"] = new(passage => Group(passage.Out), OneOf([.. LinkGroups.All.Values.Select(group => $"{group}")])),
        ["iifname"] = new(passage => passage.In, OneOf("eth0", "net1", "lo")),
        ["oifname"] = new(passage => passage.Out, OneOf("eth0", "net1", "lo")),
        ["ip saddr"] = new(passage => passage.IsIPv4 ? $"{passage.Source.Address}" : null, Address),
        ["ip daddr"] = new(passage => passage.IsIPv4 ? $"{passage.Destination.Address}" : null, Address),
        ["ip6 saddr"] = new(passage => passage.IsIPv4 ? null : $"{passage.Source.Address}", Address),
        ["ip6 daddr"] = new(passage => passage.IsIPv4 ? null : $"{passage.Destination.Address}", Address),
        ["icmp type"] = new(passage => passage.Packet.Protocol == "icmp" ? passage.Packet.Kind : null, OneOf("echo-request")),
        ["icmpv6 type"] = new(passage => passage.Packet.Protocol == "icmpv6" ? passage.Packet.Kind : null, OneOf(
            ["echo-request", .. FlowTable.UntrackedKinds])),
        ["meta l4proto"] = new(passage => passage.Packet.Protocol, OneOf(PacketTracer.Rejectable)),
        ["meta nfproto"] = new(passage => passage.IsIPv4 ? "ipv4" : "ipv6", OneOf("ipv4", "ipv6")),
        ["meta mark"] = new(passage => $"{passage.Mark}", Number),
        ["ct state"] = new(passage => passage.State, OneOf("new", "established", "related", "invalid", "untracked")),
        ["ct reply ip daddr"] = new(passage => passage.Flow is { } flow && passage.IsIPv4 ? $"{flow.Reply.Destination.Address}" : null, Address),
        ["ct reply ip6 daddr"] = new(passage => passage.Flow is { } flow && !passage.IsIPv4 ? $"{flow.Reply.Destination.Address}" : null, Address),
        ["ct direction"] = new(passage => passage.Flow is null ? null : passage.IsReply ? "reply" : "original", OneOf("original", "reply")),
        ["fib saddr type"] = new(passage => passage.SourceType, OneOf("local", "unicast")),
    };

    internal static Selector? Find(string name) => All.GetValueOrDefault(name);

    // Loopback is in the group that every link begins with.
    private static string? Group(string? link) => link is null ? null : $"{LinkGroups.All.GetValueOrDefault(link)}";

    private static Func<string, string?> OneOf(params string[] words) => word => words.Contains(word) ? word : null;

    private static string? Address(string word) => IPAddress.TryParse(word, out IPAddress? address) ? $"{address}" : null;

    private static string? Number(string word) =>
        word is ['0', 'x', .. string digits] && uint.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint number)
            ? $"{number}"
            : null;
}
