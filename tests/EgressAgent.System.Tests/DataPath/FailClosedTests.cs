using System.Diagnostics;
using EgressAgent.Testing;
using EgressAgent.Testing.Lab;

namespace EgressAgent.System.Tests.DataPath;

/// <summary>
/// While a router is built, edited in every respect, moved, removed, and its agent killed, nothing leaves with another source than its
/// reserved address, and nothing reaches what no rule names.
/// </summary>
public sealed class FailClosedTests(DataPathTest.Fixture fixture) : DataPathTest(fixture)
{
    private const string Addresses = """addresses: [ { ip: 192.168.12.99/24 }, { ip: "2001:db8:12::99/64" } ]""";
    private static readonly string[] Reserved = ["192.168.12.99", "2001:db8:12::99"];
    private static readonly string[] ToWeb = ["203.0.113.26:80", "203.0.113.26:8443", "[2001:db8:ff::26]:80"];
    private static readonly string Rules = Redirect(DataPathLab.Web, DataPathLab.Web6);

    private static readonly FailClosedPhase Nothing = new("nothing", null, [], []);
    private static readonly FailClosedPhase Plain = new("plain", $"{Addresses}, {Rules}", Reserved, ToWeb);

    // Two that follow one another always differ in what is in force.
    private static readonly FailClosedPhase[] Phases =
    [
        new("another destination", $"{Addresses}, {Redirect(DataPathLab.OtherWeb, DataPathLab.OtherWeb6)}", Reserved,
            ["203.0.113.27:80", "203.0.113.27:8443", "[2001:db8:ff::27]:80"]),
        new("another address", $"{Addresses.Replace("99", "98")}, {Rules}", ["192.168.12.98", "2001:db8:12::98"], ToWeb),
        new("one family", $"{Addresses.Split(", { ip")[0]} ], redirect: {{ redirectRules: [ {{ destinationIP: 203.0.113.26, port: 80, protocol: TCP }} ] }}",
            ["192.168.12.99"], ["203.0.113.26:80"]),
        new("fallback", $"{Addresses}, redirect: {{ fallbackIP: 203.0.113.27 }}", Reserved, []) { Fallback = DataPathLab.OtherWeb },
        new("another gateway", $"{Addresses.Replace("/24", "/24, gateway: 192.168.12.20")}, {Rules}", Reserved, ToWeb),
        new("another mode", $"networkInterface: {{ macvlan: {{ mode: VEPA }} }}, {Addresses}, {Rules}", Reserved, ToWeb),
        new("another master", $"networkInterface: {{ macvlan: {{ master: eth1 }} }}, {Addresses.Replace(".12.", ".13.").Replace(":12:", ":13:")}, {Rules}"
            .Replace("/24", "/24, gateway: 192.168.13.1").Replace("/64\"", "/64\", gateway: \"2001:db8:13::1\""), ["192.168.13.99", "2001:db8:13::99"], ToWeb),
        new("relay", $"{Addresses}, {Rules}", Reserved, ToWeb) { Annotations = "egressagent.org/datapath: relay" },
        new("relay, fallback", $"{Addresses}, redirect: {{ fallbackIP: 203.0.113.27 }}", Reserved, [])
        {
            Fallback = DataPathLab.OtherWeb,
            Annotations = "egressagent.org/datapath: relay",
        },
        new("no rules", $"{Addresses}, redirect: {{}}", Reserved, []),
        Nothing,
    ];

    [Theory]
    [InlineData("edited", 0)]
    [InlineData("agent killed", 4)]
    public void Nothing_leaks_while_the_router_is(string how, int skip)
    {
        Random random = SeededOrder.RandomOf($"fail closed, {how}");

        // The inside networks are held from the first router on.
        Lab.Apply("web", Plain.Spec!);
        Lab.Reset();
        using FailClosedAudit audit = new(Lab, Nothing, Lab.Lan, Lab.OtherLan);
        using (new Hammer(Lab, random))
        {
            Become(audit, Plain, random, isKilled: false);
            FailClosedPhase[] phases = [.. Phases];
            random.Shuffle(phases);
            foreach (FailClosedPhase phase in phases.Skip(skip))
            {
                Become(audit, phase, random, isKilled: how == "agent killed");
            }

            Become(audit, Nothing, random, isKilled: false);
        }

        audit.AssertNothingLeaked();
    }

    [Theory]
    [InlineData("kernel")]
    [InlineData("relay")]
    public void Nothing_leaks_while_somebody_flushes_the_ruleset_again_and_again(string datapath)
    {
        Random random = SeededOrder.RandomOf($"fight, {datapath}");
        ObservedRouter router = Lab.Apply("web", Plain.Spec!, $"egressagent.org/datapath: {datapath}");
        using FailClosedAudit audit = new(Lab, Plain, Lab.Lan, Lab.OtherLan);
        using (new Hammer(Lab, random))
        {
            Eventually.True("packets that leave", () => audit.Let > 0, otherwise: () => Lab.Agent.Log);
            bool isClosed = false;
            for (Stopwatch clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(isClosed ? 8 : 45);)
            {
                Command.Check("nsenter", $"--net=/run/netns/{router.NetworkNamespace}", "nft", "flush ruleset");
                isClosed = isClosed || Lab.CountInLog("set net1 down until its packet filter is repaired") > 0;
            }

            audit.AssertNothingLeaked();
            Assert.True(isClosed, Lab.Agent.Log);
            audit.Begin(Plain);
            Eventually.True(
                "packets that leave again", () => audit.Let > 0, TimeSpan.FromSeconds(90), otherwise: () => Lab.Agent.Log);
        }

        audit.AssertNothingLeaked();
    }

    private void Become(FailClosedAudit audit, FailClosedPhase phase, Random random, bool isKilled)
    {
        audit.Begin(phase);
        if (isKilled)
        {
            Request(phase);
            Thread.Sleep(random.Next(400));
            Lab.EndAgent(isKilled: true);
        }

        if (phase.Spec is null)
        {
            // One that begins removes what has no file any more.
            _ = Lab.Agent;
            Lab.Reset();
            Eventually.True("web to be gone", () => !new ObservedRouter("web").Exists, otherwise: () => Lab.Agent.Log);
        }
        else if (isKilled)
        {
            Eventually.True(
                $"{phase.Name} to be in force",
                () => Lab.CountInLog("default/web: in force") > 0,
                otherwise: () => Lab.Agent.Log);
        }
        else
        {
            Lab.Apply("web", phase.Spec, phase.Annotations);
        }

        if (phase.Targets.Length > 0 || phase.Fallback is not null)
        {
            Eventually.True($"packets that leave, {phase.Name}", () => audit.Let > 0, otherwise: () => Lab.Agent.Log);
        }
    }

    private void Request(FailClosedPhase phase)
    {
        if (phase.Spec is null)
        {
            Lab.Files.Delete("web.yaml");
        }
        else
        {
            Lab.Write("web", phase.Spec, phase.Annotations);
        }
    }

    private static string Redirect(string web, string web6) => $$"""
        redirect: { redirectRules: [
          { destinationIP: {{web}}, port: 80, protocol: TCP },
          { destinationIP: {{web}}, port: 8443, protocol: TCP },
          { destinationIP: {{web}}, port: 443, targetPort: 80, protocol: UDP },
          { destinationIP: "{{web6}}", port: 86, targetPort: 80, protocol: TCP } ] }
        """;
}
