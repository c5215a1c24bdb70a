using EgressAgent.Daemon.Metrics;

namespace EgressAgent.Daemon.Tests.Metrics;

public sealed class MetricsTextTests
{
    [Fact]
    public void Labels_and_helps_are_escaped()
    {
        var text = new MetricsText(isOpenMetrics: false);

        text.BeginGauge("a", "says \"a\\b\"\nand more");
        text.Add(1, ("file", "/etc/\"a\\b\"\n.yaml"), ("other", ""));

        Assert.Equal("# HELP a says \"a\\\\b\"\\nand more\n# TYPE a gauge\na{file=\"/etc/\\\"a\\\\b\\\"\\n.yaml\",other=\"\"} 1\n", text.ToString());
    }

    [Fact]
    public void Families_of_OpenMetrics_have_no_ending_and_the_text_has_an_end()
    {
        var text = new MetricsText(isOpenMetrics: true);

        text.BeginCounter("a_total", "counts \"a\"");
        text.Add(18446744073709551615);
        text.BeginInfo("b_info", "is b");
        text.Add(1, ("b", "c"));

        Assert.Equal("# HELP a counts \\\"a\\\"\n# TYPE a counter\na_total 18446744073709551615\n# HELP b is b\n# TYPE b info\nb_info{b=\"c\"} 1\n# EOF\n", text.ToString());
    }

    [Fact]
    public void Buckets_of_a_histogram_hold_those_before()
    {
        var text = new MetricsText(isOpenMetrics: false);

        text.BeginHistogram("a_seconds", "takes long");
        text.AddHistogram([0.5, 1], [2, 0, 3], 7.25);

        Assert.Equal(
            "# HELP a_seconds takes long\n# TYPE a_seconds histogram\na_seconds_bucket{le=\"0.5\"} 2\na_seconds_bucket{le=\"1.0\"} 2\na_seconds_bucket{le=\"+Inf\"} 5\n"
                + "a_seconds_sum 7.25\na_seconds_count 5\n",
            text.ToString());
    }
}
