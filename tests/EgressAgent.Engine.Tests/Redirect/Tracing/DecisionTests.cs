namespace EgressAgent.Engine.Tests.Redirect.Tracing;

/// <summary>The decisions of the rulesets that the engine generates.</summary>
public sealed class DecisionTests
{
    // Changes that nobody notices, since another rule stands in the way: the chain, words of the rule, the change.
    private static readonly (string Chain, string Words, string Change)[] LockedTwice =
    [
        // `spoofed` lets nothing through from the LAN to the inside address.
        ("to_destination", "@redirects_ip", "without iifgroup 9801"),
        ("to_destination", "counter name \"fallback_ip\"", "without iifgroup 9801"),
        ("local", "the relay has a socket", "without iifgroup 9801"),

        // Nor is a redirected flow's own direction ever forwarded from there, nor anything that was not redirected, which the routing policy
        // refuses; what is leaves by eth0, as that is where the return table leads. The guard says so again.
        ("through", "only what was redirected leaves", "without iifgroup 9801"),
        ("through", "only what was redirected leaves", "without ct status dnat"),
        ("through", "policy", "the opposite"),
        ("through", "only replies come back", "without iifgroup 9802"),
        ("through", "only replies come back", "without oifgroup 9801"),
        ("through", "only replies come back", "without ct state { established , related }"),
        ("through", "only replies come back", "without ct status dnat"),
        ("guard", "rejections and errors", "without oifgroup 9801"),

        // The routing policy leads what answers a client to eth0. That a flow came by another link than that, its mark says, which the tracer
        // knows nothing of: ExternalAddressTests and ServiceTrafficTests do.
        ("guard", "the relay, to clients", "without oifgroup 9801"),
        ("guard", "the relay, to clients", "without ct mark and 0x18 == 0"),
        ("guard", "\"replies\"", "without ct mark and 0x18 == 0"),
        ("guard", "to the node as a destination", "without it"),
        ("guard", "to the node as a destination", "without ct status dnat"),
        ("guard", "to the node as a destination", "without ct direction original"),
        ("guard", "to the node as a destination", "the opposite"),

        // By net1 the same may leave. What else the router holds are its inside addresses, as which the relay may answer there, and external
        // ones, which the tracer knows nothing of.
        ("guard", "the relay, to the node as a destination", "without oifgroup 9801"),
        ("guard", "the relay, to the node as a destination", "without ip saddr { 192.168.12.99 , 192.168.12.98 }"),
        ("guard", "the relay, to the node as a destination", "without ip6 saddr { 2001:db8:12::99 , 2001:db8:12::98 }"),

        // What goes from eth0 to net1 was redirected, and has the reserved address as its source: the other chains have seen to that. By net1
        // alone come flows of external addresses, which the tracer knows nothing of.
        ("through", "flow add", "without iifgroup 9801"),
        ("through", "flow add", "without ct direction original"),
        ("through", "flow add", "without ct status dnat"),
        ("through", "flow add", "without ct status snat"),
        ("through", "flow add", "without ct reply ip daddr { 192.168.12.99 , 192.168.12.98 }"),
        ("through", "flow add", "without ct reply ip6 daddr { 2001:db8:12::99 , 2001:db8:12::98 }"),
        ("through", "flow add", "without 192.168.12.98"),
        ("through", "flow add", "without 2001:db8:12::98"),

        // A host that tracks nothing hears errors about its connections too.
        ("from_lan", "meta l4proto { sctp , icmp , icmpv6 } accept", "without icmp"),

        // What else comes from the LAN is delivered here, and what the tracer's sockets answer carries no mark.
        ("marked", "replies of the node as a destination", "without iifgroup 9801"),
    ];

    public static TheoryData<string> Names => [.. Conversations.All.Select(conversation => conversation.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_packet_goes_where_it_should(string name)
    {
        Conversation conversation = Conversations.All.Single(candidate => candidate.Name == name);

        Assert.Equal(conversation.Text, conversation.Play());
    }

    [Fact]
    public void Every_part_of_every_rule_makes_a_difference()
    {
        string[] unnoticed =
        [
            .. new[] { Conversations.Full, Conversations.Relay }.SelectMany(Unnoticed).Distinct(),

            // The rest of them is as above.
            .. new[] { Conversations.Closed, Conversations.ClosedRelay }.SelectMany(Unnoticed).Where(change => change.StartsWith("processes: ", StringComparison.Ordinal)),
            .. Unnoticed(Conversations.Offloading).Where(change => change.Contains("flow add", StringComparison.Ordinal)),
        ];
        string[] unexpected = [.. unnoticed.Where(change => !LockedTwice.Any(twice => Is(change, twice)))];

        Assert.True(unexpected.Length == 0, $"no conversation notices a ruleset with:\n{string.Join('\n', unexpected)}");
        Assert.All(LockedTwice, twice => Assert.Contains(unnoticed, change => Is(change, twice)));
    }

    // While somebody flushes the ruleset, or it is being replaced.
    [Theory]
    [MemberData(nameof(Names))]
    public void Nothing_is_forwarded_without_the_ruleset_nor_leaves_with_another_source(string name)
    {
        Conversation conversation = Conversations.All.Single(candidate => candidate.Name == name);

        foreach (string line in conversation.Play(script: "").Split('\n').Where(line => line.StartsWith("eth0 ") || line.StartsWith("net1 ")))
        {
            string outcome = line.Split(" → ")[1];
            Assert.False(outcome.Contains(" > "), line);
            bool isEchoOfMulticast = line.Contains("> 224.") || line.Contains("> fe80:");
            Assert.False(outcome.StartsWith("net1 ") && !isEchoOfMulticast && !outcome.Contains(" from 192.168.12.9") && !outcome.Contains(" from 2001:db8:12::9"), line);
        }
    }

    private static IEnumerable<string> Unnoticed(TracedRouter router)
    {
        Conversation[] conversations = [.. Conversations.All.Where(conversation => conversation.Router == router)];
        return RulesetMutants.Of(router.Script)
            .Where(mutant => conversations.All(conversation => conversation.HoldsWith(mutant.Script)))
            .Select(mutant => mutant.Change);
    }

    private static bool Is(string change, (string Chain, string Words, string Change) exception) =>
        change.StartsWith(exception.Chain + ": ", StringComparison.Ordinal)
        && change.Contains(exception.Words, StringComparison.Ordinal)
        && change.EndsWith(" | " + exception.Change, StringComparison.Ordinal);
}
