using EgressAgent.Control.Agent;
using EgressAgent.Control.Printing;
using EgressAgent.Control.Tests.Support;

namespace EgressAgent.Control.Tests.Printing;

public sealed class PageTests
{
    [Fact]
    public void Status_has_a_line_a_router_and_what_is_wrong() => Assert.Equal(
        """
        egress-agentd 0.1.0 is degraded: 2 routers, 1 active, 1 pending, 1 file in error

        ROUTER         STATE    REACHED AT                  LEAVES AS                       BY    DATAPATH
        default/web    active   198.18.0.2, fd96:e9e5:a::2  192.168.12.99, 2001:db8:12::99  eth0  kernel
        default/other  pending  -                           -                               -     -

        default/other: the interface none0 is not there
        /etc/egress-router/bad.yaml:3:5: spec.mode: must be `Redirect`
        """,
        Pages.Print(screen => StatusPage.Print(screen, Views.Agent("degraded", Views.Router(), Views.Pending("other")) with { Faults = [Views.Fault] })));

    [Fact]
    public void Status_says_a_fault_once()
    {
        AgentView agent = Views.Agent("degraded", Views.Router("bad", "failed", $"the file is in error: {Views.Fault}")) with { Faults = [Views.Fault] };

        Assert.Single(Pages.Print(screen => StatusPage.Print(screen, agent)).Split('\n'), line => line.Contains("must be `Redirect`"));
    }

    [Fact]
    public void Limit_of_the_node_that_is_reached_is_no_file()
    {
        FaultView limit = new("net.netfilter.nf_conntrack_max", 0, 0, "", "the table is full");

        Assert.Equal("1 router, 1 active, 1 file in error", StatusPage.Summarize(Views.Agent("degraded", Views.Router()) with { Faults = [Views.Fault, limit] }));
    }

    [Fact]
    public void Status_without_routers_is_one_line() => Assert.Equal(
        "egress-agentd 0.1.0 is running: 0 routers", Pages.Print(screen => StatusPage.Print(screen, Views.Agent("running"))));

    [Fact]
    public void Router_is_shown_with_rules_and_conditions()
    {
        string page = Pages.Print(screen => RouterPage.Print(screen, Views.Router()));

        Assert.Contains("file        /etc/egress-router/web.yaml:1 (generation 2)\n", page);
        Assert.Contains("by          eth0, MAC 02:00:5e:10:00:99\n", page);
        Assert.Contains("fallback    none: what no rule takes is refused\n", page);
        Assert.Contains("carried     391 KiB to destinations, 2.9 MiB to clients\nrefused     3 that no rule takes, 1 at a limit\n", page);
        Assert.Contains("RULE      DESTINATION        CONNECTIONS    BYTES\n8080/TCP  203.0.113.26:80             12  3.2 MiB\n53/UDP    [2001:db8::53]:53            0      0 B\n", page);
        Assert.Contains("Available    True    InForce", page);
    }

    [Theory]
    [InlineData(0, 0, 0, "nothing")]
    [InlineData(3, 0, 0, "3 datagrams that came to a full socket")]
    [InlineData(3, 2, 1, "3 datagrams that came to a full socket, 2 datagrams that the link did not take, 1 packets of TCP connections that came to a full queue")]
    public void What_sockets_of_a_relay_dropped_is_shown(ulong receiveBuffer, ulong sendBuffer, ulong listenQueue, string expected) =>
        Assert.Contains($"refused     3 that no rule takes, 1 at a limit\ndropped     {expected}\n", Pages.Print(screen => RouterPage.Print(screen, Views.Relayed(new DroppedView(receiveBuffer, sendBuffer, listenQueue)))));

    [Fact]
    public void Services_have_a_line_each_and_what_is_wrong() => Assert.Equal(
        """
        SERVICE        STATE        ADDRESSES                   PORTS                   ROUTERS
        default/lone   unavailable  -                           80/TCP to 8080, 53/UDP  -
        default/other  degraded     198.19.0.9, fd96:e9e5:b::9  80/TCP to 8080, 53/UDP  default/a (active), default/b (pending)
        default/web    available    198.19.0.9, fd96:e9e5:b::9  80/TCP to 8080, 53/UDP  default/a (active)

        default/lone: it has no selector
        default/other: not available: default/b (pending)
        """,
        Pages.Print(screen => ServicesPage.Print(
            screen,
            [
                Views.Service("lone", "unavailable", "it has no selector") with { ClusterIPs = [], Routers = [] },
                Views.Service("other", "degraded", "not available: default/b (pending)") with
                {
                    Routers = [new ServiceRouterView("default", "a", "active", IsAvailable: true), new ServiceRouterView("default", "b", "pending", IsAvailable: false)],
                },
                Views.Service(),
            ])));

    [Fact]
    public void External_addresses_of_a_Service_are_shown_with_the_routers_that_hold_them() => Assert.Equal(
        """
        SERVICE      STATE      ADDRESSES                                                         PORTS                   ROUTERS
        default/web  available  198.19.0.9, 192.168.12.97 (default/a), 192.168.12.98 (no router)  80/TCP to 8080, 53/UDP  default/a (active)
        """,
        Pages.Print(screen => ServicesPage.Print(screen, [Views.External()])));

    [Fact]
    public void No_service_is_said() => Assert.Equal("no Service", Pages.Print(screen => ServicesPage.Print(screen, [])));

    [Fact]
    public void Long_lines_are_not_cut_in_a_pipe()
    {
        string message = string.Join(' ', Enumerable.Repeat("word", 500));

        Assert.Contains(message, Pages.Print(screen => StatusPage.Print(screen, Views.Agent("degraded", Views.Router("web", "degraded", message)))));
        Assert.Contains(message, Pages.Print(screen => RouterPage.Print(screen, Views.Router("web", "degraded", message))));
    }

    [Fact]
    public void Narrow_window_loses_no_word()
    {
        string page = Pages.PrintInWindow(80, screen => StatusPage.Print(screen, Views.Agent("running", Views.Router())));

        Assert.All((string[])["default/web", "198.18.0.2", "fd96:e9e5:a::2", "192.168.12.99", "2001:db8:12::99", "kernel"], word => Assert.Contains(word, page));
        Assert.All(page.Split('\n'), line => Assert.InRange(line.Length, 0, 80));
    }

    [Fact]
    public void Markup_in_what_the_agent_says_is_text() => Assert.EndsWith(
        "default/web: [bold]x[/] ]", Pages.Print(screen => StatusPage.Print(screen, Views.Agent("degraded", Views.Router("web", "failed", "[bold]x[/] ]")))));

    [Fact]
    public void Explanation_is_a_headline_and_why_for_each_family()
    {
        ExplanationView explanation = new(
            "default/web",
            "tcp/8080",
            [
                new AnswerView("forwarded", "198.18.0.1", "198.18.0.2", "8080/TCP", "192.168.12.99", "203.0.113.26:80", ["the rule takes it"]),
                new AnswerView("refused", "fd96:e9e5:a::1", "fd96:e9e5:a::2", "", "", "", ["no rule takes it"]),
            ]);

        Assert.Equal(
            """
            tcp/8080 from 198.18.0.1 to 198.18.0.2: forwarded to 203.0.113.26:80, which sees 192.168.12.99
              the rule takes it
            tcp/8080 from fd96:e9e5:a::1 to fd96:e9e5:a::2: refused
              no rule takes it
            """,
            Pages.Print(screen => ExplanationPage.Print(screen, explanation)));
    }

    [Fact]
    public void Who_has_a_line_a_flow() => Assert.Equal(
        $"""
        CLIENT           WHO                      ROUTER       RULE      DESTINATION      BEGAN                ENDED                BYTES TO  BYTES FROM
        10.88.0.7:51034  billing                  default/web  8080/TCP  203.0.113.26:80  {Words.Time(Views.Time.AddSeconds(-9))}  {Words.Time(Views.Time.AddSeconds(1))}   1.2 KiB     3.2 MiB
        10.88.0.8:1      -                        default/web  -         -                not known            it is there           1.2 KiB     3.2 MiB
        10.88.0.9:1      billing, backup.service  default/web  8080/TCP  203.0.113.26:80  {Words.Time(Views.Time.AddSeconds(-9))}  not recorded          1.2 KiB     3.2 MiB

        2 more were there; the first 1000 are shown
        """,
        Pages.Print(screen => WhoPage.Print(screen, new WhoView(
            "192.168.12.99:41022/tcp",
            Views.Time,
            [
                Views.Found(),
                Views.Found("10.88.0.8:1") with { State = "living", Start = null, End = null, Container = "", Rule = "", Destination = "" },
                Views.Found("10.88.0.9:1") with { State = "unknown", End = null, Unit = "backup.service" },
            ],
            [],
            ["2 more were there; the first 1000 are shown"]))));

    [Fact]
    public void Who_says_that_nobody_is_known_and_what_is_nearest_and_why()
    {
        var nobody = new WhoView("192.168.12.99:41022/tcp", Views.Time, [], [], ["default/web keeps no records, as its flow-log is none: egress-router(5)"]);

        Assert.Equal(
            $"""
            no flow of 192.168.12.99:41022/tcp is known at {Words.Time(Views.Time)}
            default/web keeps no records, as its flow-log is none: egress-router(5)
            """,
            Pages.Print(screen => WhoPage.Print(screen, nobody)));
        Assert.StartsWith(
            $"no flow of 192.168.12.99:41022/tcp is known at {Words.Time(Views.Time)}; the nearest is\n\nCLIENT ",
            Pages.Print(screen => WhoPage.Print(screen, nobody with { Nearest = [Views.Found()], Notes = [] })));
        Assert.Contains("; the nearest are\n", Pages.Print(screen => WhoPage.Print(screen, nobody with { Nearest = [Views.Found(), Views.Found()] })));
    }

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1536, "1.5 KiB")]
    [InlineData(150 * 1024, "150 KiB")]
    [InlineData(ulong.MaxValue, "16 EiB")]
    public void Bytes_are_rounded(ulong bytes, string expected) => Assert.Equal(expected, Words.Bytes(bytes));
}
