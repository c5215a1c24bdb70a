using System.Net;
using EgressAgent.Engine.Redirect;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Tests.Redirect;

// Against what nft 1.0.6 printed.
public sealed class RulesetReaderTests
{
    private const string Elements = """
        {"nftables": [{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}},
        {"table": {"family": "inet", "name": "egress_agent", "handle": 1}},
        {"map": {"family": "inet", "name": "redirects_ip", "table": "egress_agent", "type": ["inet_proto", "inet_service"], "handle": 3,
        "map": "ipv4_addr . inet_service", "elem": [
        [{"elem": {"val": {"concat": ["tcp", 8080]}, "counter": {"packets": 17, "bytes": 1020}}}, {"concat": ["203.0.113.26", 80]}],
        [{"elem": {"val": {"concat": [17, 53]}, "counter": {"packets": 0, "bytes": 0}}}, {"concat": ["203.0.113.27", 53]}],
        [{"elem": {"val": {"concat": ["132", 9999]}, "counter": null}}, {"concat": ["203.0.113.28", 9999]}],
        [{"concat": ["udp", 514]}, {"concat": ["203.0.113.29", 514]}],
        [{"concat": ["tcp", {"range": [1, 5]}]}, {"concat": ["203.0.113.30", 1]}],
        [{"concat": ["gre", 7]}, {"concat": ["203.0.113.31", 7]}],
        [{"concat": ["tcp", 9]}, {"concat": ["203.0.113.32", {"range": [1, 2]}]}]],
        "stmt": [{"counter": null}]}},
        {"map": {"family": "inet", "name": "redirects_ip6", "table": "egress_agent", "type": ["inet_proto", "inet_service"], "handle": 4,
        "map": "ipv6_addr . inet_service", "elem": [[{"concat": ["tcp", 8081]}, {"concat": ["2001:db8:ff::26", 80]}]]}},
        {"map": {"family": "inet", "name": "redirects_empty", "table": "egress_agent", "type": ["inet_proto", "inet_service"], "handle": 5,
        "map": "ipv4_addr . inet_service"}},
        {"map": {"family": "inet", "name": "other", "table": "egress_agent", "type": ["inet_proto", "inet_service"], "handle": 6,
        "map": "ipv4_addr . inet_service", "elem": [[{"concat": ["tcp", 1]}, {"concat": ["203.0.113.33", 1]}]]}}]}
        """;

    [Theory]
    [InlineData(TransportProtocol.TCP, 8080, "203.0.113.26:80", 17)]
    [InlineData(TransportProtocol.UDP, 53, "203.0.113.27:53", 0)]
    [InlineData(TransportProtocol.SCTP, 9999, "203.0.113.28:9999", 0)]
    [InlineData(TransportProtocol.UDP, 514, "203.0.113.29:514", 0)]
    [InlineData(TransportProtocol.TCP, 8081, "[2001:db8:ff::26]:80", 0)]
    public void Element_is_read_with_a_protocols_name_or_number_with_a_counter_or_without(
        TransportProtocol protocol, ushort port, string destination, ulong connections) => Assert.Equal(
            new RulesetReader.Element(IPEndPoint.Parse(destination), connections), RulesetReader.ReadElements(Elements)[new(protocol, port)]);

    [Fact]
    public void Elements_that_are_not_of_the_agents_making_are_left_out() => Assert.Equal(5, RulesetReader.ReadElements(Elements).Count);

    [Fact]
    public void Object_names_are_those_of_everything_but_rules() => Assert.Equal(
        ["chain:guard", "counter:fallback_ip", "map:redirects_ip", "set:clients_ip"],
        RulesetReader.ReadObjectNames("""
            {"nftables": [{"metainfo": {"version": "1.0.6"}}, {"table": {"family": "inet", "name": "egress_agent", "handle": 1}},
            {"counter": {"family": "inet", "name": "fallback_ip", "table": "egress_agent", "handle": 2, "packets": 0, "bytes": 0}},
            {"map": {"family": "inet", "name": "redirects_ip", "table": "egress_agent", "handle": 3}},
            {"set": {"family": "inet", "name": "clients_ip", "table": "egress_agent", "handle": 4}},
            {"chain": {"family": "inet", "table": "egress_agent", "name": "guard", "handle": 5}},
            {"rule": {"family": "inet", "table": "egress_agent", "chain": "guard", "handle": 6, "expr": [{"accept": null}]}}]}
            """).Order(StringComparer.Ordinal));
}
