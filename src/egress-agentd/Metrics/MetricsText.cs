using System.Globalization;
using System.Text;

namespace EgressAgent.Daemon.Metrics;

/// <summary>
/// Metrics as text: as Prometheus has it (text format 0.0.4), or OpenMetrics 1.0. A family is begun, then come its samples. Names are the
/// caller's; what labels and helps need to be escaped is.
/// </summary>
internal sealed class MetricsText(bool isOpenMetrics)
{
    internal const string PlainType = "text/plain; version=0.0.4; charset=utf-8";
    internal const string OpenMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    private readonly StringBuilder _text = new();
    private string _family = "";

    internal static string TypeOf(bool isOpenMetrics) => isOpenMetrics ? OpenMetricsType : PlainType;

    /// <param name="name">With the ending of its samples: <c>_total</c> or <c>_info</c>.</param>
    /// <param name="help">One sentence without a full stop.</param>
    internal void BeginCounter(string name, string help) => Begin(name, "counter", "_total", help);

    /// <inheritdoc cref="BeginCounter"/>
    internal void BeginInfo(string name, string help) => Begin(name, isOpenMetrics ? "info" : "gauge", "_info", help);

    internal void BeginGauge(string name, string help) => Begin(name, "gauge", "", help);

    internal void BeginHistogram(string name, string help) => Begin(name, "histogram", "", help);

    /// <summary>A sample of the family that was begun last.</summary>
    internal void Add(ulong value, params ReadOnlySpan<(string Name, string Value)> labels) =>
        Add("", value.ToString(CultureInfo.InvariantCulture), labels);

    /// <inheritdoc cref="Add(ulong, ReadOnlySpan{ValueTuple{string, string}})"/>
    internal void Add(double value) => Add("", Format(value));

    /// <summary>The samples of a histogram.</summary>
    /// <param name="bounds">Ascending; the last, which has none, is left out.</param>
    /// <param name="counts">One more than bounds, each without those before.</param>
    /// <param name="sum">Of all that was counted.</param>
    internal void AddHistogram(IReadOnlyList<double> bounds, IReadOnlyList<ulong> counts, double sum)
    {
        ulong total = 0;
        for (int i = 0; i < counts.Count; i++)
        {
            total += counts[i];
            Add("_bucket", total.ToString(CultureInfo.InvariantCulture), ("le", i < bounds.Count ? Format(bounds[i]) : "+Inf"));
        }

        Add("_sum", Format(sum));
        Add("_count", total.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>All that was added, to its end.</summary>
    public override string ToString() => isOpenMetrics ? $"{_text}# EOF\n" : _text.ToString();

    private void Begin(string name, string type, string ending, string help)
    {
        _family = name;
        string family = isOpenMetrics && ending.Length > 0 ? name[..^ending.Length] : name;
        _text.Append("# HELP ").Append(family).Append(' ');
        AppendEscaped(help, isOpenMetrics);
        _text.Append("\n# TYPE ").Append(family).Append(' ').Append(type).Append('\n');
    }

    private void Add(string ending, string value, params ReadOnlySpan<(string Name, string Value)> labels)
    {
        _text.Append(_family).Append(ending);
        char before = '{';
        foreach ((string name, string text) in labels)
        {
            _text.Append(before).Append(name).Append("=\"");
            AppendEscaped(text, quotes: true);
            _text.Append('"');
            before = ',';
        }

        _text.Append(before == ',' ? "} " : " ").Append(value).Append('\n');
    }

    private void AppendEscaped(string text, bool quotes)
    {
        foreach (char character in text)
        {
            _ = character switch
            {
                '\\' => _text.Append("\\\\"),
                '\n' => _text.Append("\\n"),
                '"' when quotes => _text.Append("\\\""),
                _ => _text.Append(character),
            };
        }
    }

    // OpenMetrics asks for a point in each bound.
    private static string Format(double value) => value.ToString(value == Math.Floor(value) ? "0.0" : "R", CultureInfo.InvariantCulture);
}
