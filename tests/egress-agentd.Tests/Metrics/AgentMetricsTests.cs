using System.Net;
using System.Text.RegularExpressions;
using EgressAgent.Daemon.Tests.Support;
using EgressAgent.Model;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Status;
using EgressAgent.Model.Validation;
using EgressAgent.Testing;

namespace EgressAgent.Daemon.Tests.Metrics;

/// <summary>What is told, as the text that is checked in. <c>EGRESS_UPDATE_GOLDEN=1</c> writes it anew.</summary>
public sealed partial class AgentMetricsTests : IDisposable
{
    private static readonly EgressRouterResource Web = Example.Router("web");

    private readonly MetricsLab _lab = new();

    [Theory]
    [InlineData("prometheus.txt", false)]
    [InlineData("openmetrics.txt", true)]
    public async Task Text_is_the_golden_one(string file, bool isOpenMetrics)
    {
        _lab.Run(Web);
        _lab.Apply(new RouterFile("/etc/egress-router/bad \"one\".yaml", [], [new Diagnostic(new SourceLocation("/etc/egress-router/bad \"one\".yaml", 1, 1), "spec", "wrong")], IsComplete: true));
        RouterFlow[] flows = [];
        _lab.Kernel.Traffic = plan => new RouterTraffic([new RuleTraffic(plan.Rules[0], 7, default)], flows.ToValueList())
        {
            LimitRefusals = 5,
            PortFailures = 3,
            Entries = new EntryCount(2, 262144),
        };

        // What is there at the first look was counted by an earlier agent.
        flows = [Flow(1, packets: 9)];
        await ReadAsync(isOpenMetrics);
        flows = [Flow(1, packets: 10), Flow(2, packets: 4) with { Protocol = "ICMP" }];
        _lab.Kernel.EndFlow(Web.Key, Flow(3, packets: 2));
        string text = await ReadUntilAsync(isOpenMetrics, "protocol=\"icmp\"");

        string actual = Times().Replace(text, "$1 0");
        string golden = Repository.PathOf($"tests/egress-agentd.Tests/Metrics/Golden/{file}");
        if (Environment.GetEnvironmentVariable("EGRESS_UPDATE_GOLDEN") == "1")
        {
            File.WriteAllText(golden, actual);
        }

        Assert.Equal(File.ReadAllText(golden), actual);
    }

    [Fact]
    public void Manual_names_each_of_them()
    {
        string manual = File.ReadAllText(Repository.PathOf("man/egress-agentd.8"));
        string[] families =
        [
            .. File.ReadLines(Repository.PathOf("tests/egress-agentd.Tests/Metrics/Golden/prometheus.txt"))
                .Where(line => line.StartsWith("# TYPE ", StringComparison.Ordinal)).Select(line => line.Split(' ')[2]),
        ];

        Assert.NotEmpty(families);
        Assert.All(families, family => Assert.Matches($@"(?m)^\.It Li {family}( |$)", manual));
    }

    [Fact]
    public async Task Holder_is_told_of_routers_that_are_claimed_and_released()
    {
        EgressRouterResource manual = Example.Router("manual", "192.168.12.98/24", 8081);
        manual = manual with { Spec = manual.Spec with { Failover = FailoverMode.Manual } };
        _lab.Run(Web);
        _lab.Apply(Example.File(manual));
        const string Series = "egress_router_holder{router_namespace=\"default\",router=\"manual\"}";

        await ReadUntilAsync(false, $"{Series} 0");
        await _lab.ClaimAsync(manual, isClaimed: true);
        Assert.Contains($"{Series} 1", await ReadAsync());
        await _lab.ClaimAsync(manual, isClaimed: false);

        string text = await ReadAsync();
        Assert.Contains($"{Series} 0", text);
        Assert.DoesNotContain("egress_router_holder{router_namespace=\"default\",router=\"web\"}", text);
    }

    [Fact]
    public async Task Router_that_went_has_no_series()
    {
        EgressRouterResource other = Example.Router("other", "192.168.12.98/24", 8081);
        _lab.Kernel.Traffic = plan => new RouterTraffic([new RuleTraffic(plan.Rules[0], 7, default)], []);
        _lab.Run(Web);
        _lab.Run(other);
        Assert.Contains("router=\"other\"", await ReadAsync());

        _lab.Remove(other);

        string text = await ReadAsync();
        Assert.Contains("router=\"web\"", text);
        Assert.DoesNotContain("router=\"other\"", text);
    }

    [Fact]
    public async Task What_the_kernel_does_not_tell_is_no_zero()
    {
        _lab.Kernel.Traffic = _ => throw new Linux.LinuxException("list", "flows", Linux.Errno.EPERM);
        _lab.Run(Web);

        string text = await ReadAsync();

        Assert.Contains("egress_router_condition{", text);
        Assert.DoesNotContain("egress_router_bytes_total{", text);
        Assert.DoesNotContain("egress_router_flows{", text);
    }

    [Fact]
    public async Task Router_with_a_fallback_alone_is_told_also_where_the_kernel_does_not_tell_entries()
    {
        // Its network namespace is not there yet.
        _lab.Kernel.Traffic = _ => RouterTraffic.None;
        _lab.Run(Web);
        Assert.DoesNotContain("egress_router_bytes_total{", await ReadAsync());

        // What it carries from then on is all its own.
        _lab.Kernel.Traffic = _ => new RouterTraffic([], [Flow(1, packets: 4)]);
        await ReadUntilAsync(isOpenMetrics: false, "egress_router_bytes_total{router_namespace=\"default\",router=\"web\",direction=\"to_client\"} 4000\n");
    }

    [Fact]
    public async Task Destinations_may_be_kept_secret()
    {
        using MetricsLab lab = new(tellsDestinations: false);
        lab.Kernel.Traffic = plan => new RouterTraffic([new RuleTraffic(plan.Rules[0], 7, default)], []);
        lab.Run(Web);

        string text = await lab.Metrics.ReadAsync(isOpenMetrics: false, TestContext.Current.CancellationToken);

        Assert.Contains("egress_router_connections_total{router_namespace=\"default\",router=\"web\",protocol=\"tcp\",port=\"8080\"} 7\n", text);
        Assert.DoesNotContain("203.0.113.26", text);
    }

    [Fact]
    public async Task Repairs_are_counted()
    {
        _lab.Run(Web);

        _lab.Kernel.EditRouter(Web.Key, netns => netns.SetUp("net1", up: false));

        await ReadUntilAsync(isOpenMetrics: false, "egress_router_repairs_total{router_namespace=\"default\",router=\"web\"} 1\n");
    }

    public void Dispose() => _lab.Dispose();

    private static RouterFlow Flow(int number, ulong packets) => new(
        "TCP",
        new IPEndPoint(IPAddress.Parse("198.18.0.1"), 1000 + number),
        IPEndPoint.Parse("198.18.87.99:8080"),
        IPEndPoint.Parse("192.168.12.99:40001"),
        IPEndPoint.Parse("203.0.113.26:80"),
        100 * packets,
        1000 * packets)
    {
        Id = (uint)number,
        PacketsOut = packets,
        PacketsIn = packets,
    };

    private Task<string> ReadAsync(bool isOpenMetrics = false) => _lab.Metrics.ReadAsync(isOpenMetrics, TestContext.Current.CancellationToken);

    // A sample is told for five seconds.
    private async Task<string> ReadUntilAsync(bool isOpenMetrics, string expected)
    {
        string text = "";
        Eventually.True(expected, () => (text = ReadAsync(isOpenMetrics).GetAwaiter().GetResult()).Contains(expected), otherwise: () => text);
        return await Task.FromResult(text);
    }

    [GeneratedRegex(@"^(egress_agent_reconcile_seconds_\w+(?:\{[^}]*\})?) .*$", RegexOptions.Multiline)]
    private static partial Regex Times();
}
