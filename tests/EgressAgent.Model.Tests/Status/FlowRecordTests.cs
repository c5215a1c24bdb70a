using System.Net;
using EgressAgent.Model.Status;

namespace EgressAgent.Model.Tests.Status;

public sealed class FlowRecordTests
{
    private static readonly FlowRecord Web = new(
        FlowEvent.End, new RouterKey("default", "web"), "8080/TCP", 6, IPEndPoint.Parse("198.18.0.1:50412"), IPEndPoint.Parse("192.168.12.99:41022"),
        IPEndPoint.Parse("203.0.113.26:80"))
    {
        InsidePort = 8080,
        Start = DateTimeOffset.UnixEpoch.AddMicroseconds(1_764_338_587_000_001),
        End = DateTimeOffset.UnixEpoch.AddMicroseconds(1_764_338_588_000_002),
        BytesTo = 512,
        BytesFrom = 90_714,
    };

    [Fact]
    public void End_tells_who_it_was_when_and_how_much()
    {
        Assert.Equal(
            """
            EGRESS_EVENT=end
            EGRESS_ROUTER=default/web
            EGRESS_RULE=8080/TCP
            EGRESS_PROTOCOL=tcp
            EGRESS_CLIENT_ADDRESS=198.18.0.1
            EGRESS_CLIENT_PORT=50412
            EGRESS_INSIDE_PORT=8080
            EGRESS_SOURCE_ADDRESS=192.168.12.99
            EGRESS_SOURCE_PORT=41022
            EGRESS_DESTINATION_ADDRESS=203.0.113.26
            EGRESS_DESTINATION_PORT=80
            EGRESS_START=1764338587000001
            EGRESS_END=1764338588000002
            EGRESS_BYTES_TO=512
            EGRESS_BYTES_FROM=90714
            """,
            Text(Web));
        Assert.Equal(
            "default/web: tcp from 198.18.0.1:50412 as 192.168.12.99:41022 to 203.0.113.26:80, 512 bytes to and 90714 bytes from", Web.Describe(tellsDestinations: true));
    }

    [Fact]
    public void Client_on_the_node_is_told_by_its_name()
    {
        FlowRecord record = Web with { Unit = "backup.service", Container = "billing", Masqueraded = IPEndPoint.Parse("172.17.0.2:38112") };

        Assert.Contains("\nEGRESS_MASQUERADED_ADDRESS=172.17.0.2\nEGRESS_MASQUERADED_PORT=38112\nEGRESS_UNIT=backup.service\nEGRESS_CONTAINER=billing\n", Text(record));
        Assert.Contains("from 198.18.0.1:50412 (billing, backup.service, 172.17.0.2:38112) as", record.Describe(tellsDestinations: true));
        Assert.Contains("from 198.18.0.1:50412 (backup.service) as", (Web with { Unit = "backup.service" }).Describe(tellsDestinations: true));
    }

    [Fact]
    public void Destination_is_told_nowhere_where_it_shall_not_be()
    {
        Assert.DoesNotContain("DESTINATION", Text(Web, tellsDestinations: false));
        Assert.DoesNotContain("203.0.113.26", Text(Web, tellsDestinations: false) + Web.Describe(tellsDestinations: false));
    }

    [Fact]
    public void Start_has_neither_an_end_nor_bytes()
    {
        string start = Text(Web with { Event = FlowEvent.Start });

        Assert.StartsWith("EGRESS_EVENT=start\n", start);
        Assert.EndsWith("EGRESS_START=1764338587000001", start);
    }

    // GRE has a key where others have ports.
    [Theory]
    [InlineData(1, "icmp")]
    [InlineData(47, "47")]
    [InlineData(58, "58")]
    public void Protocol_without_ports_has_none(byte protocol, string name)
    {
        FlowRecord record = Web with { Protocol = protocol, Rule = FlowRecord.Fallback };

        Assert.DoesNotContain("PORT", Text(record));
        Assert.Contains($"EGRESS_PROTOCOL={name}\n", Text(record));
        Assert.StartsWith($"default/web: {name} from 198.18.0.1 as 192.168.12.99 to 203.0.113.26,", record.Describe(tellsDestinations: true));
    }

    [Fact]
    public void Start_that_is_not_known_is_left_out() => Assert.DoesNotContain("EGRESS_START", Text(Web with { Start = null }));

    private static string Text(FlowRecord record, bool tellsDestinations = true) =>
        string.Join('\n', record.Fields(tellsDestinations).Select(field => $"{field.Name}={field.Value}"));
}
