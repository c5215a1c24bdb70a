using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.Agent;

/// <summary><c>fallbackIP</c> takes what no rule takes.</summary>
public abstract class FallbackTests(string datapath) : AgentTest(datapath)
{
    protected static readonly RouterDocument Document = RouterDocument.Web("web") with { FallbackIP = "203.0.113.27" };

    [Fact]
    public void Undefined_ports_lead_to_the_fallback_at_the_same_port()
    {
        (_, _, string inside) = StartWithWebRouter(Document);
        Lab.SecureWeb.ServeUdp("203.0.113.27", 5300);

        ProbeResult tcp = Lab.Node.ProbeTcp(inside, 443);
        ProbeResult udp = Lab.Node.ProbeUdp(inside, 5300);

        Assert.Equal((EgressLab.ReservedAddress, "203.0.113.27:443"), (tcp.SeenSource, tcp.SeenTarget));
        Assert.Equal((EgressLab.ReservedAddress, "203.0.113.27:5300"), (udp.SeenSource, udp.SeenTarget));
    }

    [Fact]
    public void Rule_comes_before_the_fallback()
    {
        (_, _, string inside) = StartWithWebRouter(Document);
        Lab.SecureWeb.ServeTcp("203.0.113.27", 8080);

        Assert.Equal("203.0.113.26:80", Lab.Node.ProbeTcp(inside, 8080).SeenTarget);
    }

    [Fact]
    public void Port_that_is_closed_at_the_fallback_is_refused_by_it()
    {
        (_, _, string inside) = StartWithWebRouter(Document);
        using PacketCapture capture = Lab.SecureWeb.Capture("eth0");

        // The relay answers the handshake before it asks the destination.
        Assert.Contains(Lab.Node.ProbeTcp(inside, 9999).Outcome, (ProbeOutcome[])[ProbeOutcome.Refused, ProbeOutcome.Reset]);

        Assert.Contains(capture.Packets, p => p.IsReset && p.SourcePort == 9999);
    }

    [Fact]
    public void Fallback_alone_takes_everything()
    {
        Files.Write("all.yaml", $"{new RouterDocument("all") with { FallbackIP = "203.0.113.26" }}");
        string inside = new ObservedRouter("all").WaitForInsideAddress(Scenario.StartAgent());

        WaitForTcp(Lab.Node, inside, 80, "203.0.113.26:80");
    }
}
