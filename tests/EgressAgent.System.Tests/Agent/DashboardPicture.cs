using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace EgressAgent.System.Tests.Agent;

/// <summary>The panels of the Grafana dashboard as an SVG, drawn from what a Prometheus answers to their queries.</summary>
/// <param name="ask">Asks for a range: a query, and the matrix that Prometheus answers, as JSON.</param>
/// <param name="start">Where the range begins, seconds since 1970.</param>
/// <param name="end">Where it ends.</param>
internal sealed partial class DashboardPicture(Func<string, JsonElement> ask, long start, long end)
{
    private const int Column = 40;
    private const int Row = 30;
    private const int Margin = 8;
    private const int Legend = 14;
    private const int LegendLines = 4;
    private const int TableRow = 18;
    private const int TableTop = 38;

    private static readonly string[] Colours = ["#2f7ed8", "#d9822b", "#3a9c4c", "#b8392f", "#7b4fb5", "#6b7280", "#0f8b8d", "#c2417c", "#8a6d1d", "#1f2a44"];

    private readonly StringBuilder _svg = new();
    private readonly Dictionary<(string Title, int Y), Series[]> _answers = [];

    /// <summary>The titles of the panels that show nothing, as there was no answer.</summary>
    internal List<string> Empty { get; } = [];

    internal string Draw(JsonElement dashboard)
    {
        JsonElement[] panels = [.. dashboard.GetProperty("panels").EnumerateArray()];
        int height = panels.Max(panel => (Place(panel, "y") * Row) + HeightOf(panel, AskAll(panel)));
        Line($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {24 * Column} {height}\" font-family=\"sans-serif\" font-size=\"11\" fill=\"#1f2a44\">");
        Line($"<rect width=\"{24 * Column}\" height=\"{height}\" fill=\"#eef0f4\"/>");
        foreach (JsonElement panel in panels)
        {
            DrawPanel(panel);
        }

        Line("</svg>");
        return _svg.ToString();
    }

    private void DrawPanel(JsonElement panel)
    {
        (int x, int y) = (Place(panel, "x") * Column, Place(panel, "y") * Row);
        Series[] series = AskAll(panel);
        (int width, int height) = ((Place(panel, "w") * Column) - 4, HeightOf(panel, series) - 4);
        string title = panel.GetProperty("title").GetString()!;
        Line($"<g transform=\"translate({x + 2},{y + 2})\"><rect width=\"{width}\" height=\"{height}\" rx=\"3\" fill=\"#fff\"/>");
        Line($"<text x=\"{Margin}\" y=\"16\" font-weight=\"bold\">{Escape(title)}</text>");
        if (series.Length == 0)
        {
            Empty.Add(title);
        }

        switch (panel.GetProperty("type").GetString())
        {
            case "stat":
                Line($"<text x=\"{width / 2}\" y=\"{(height / 2) + 18}\" font-size=\"26\" text-anchor=\"middle\">{Text(series.LastOrDefault()?.Points[^1].Value ?? 0)}</text>");
                break;
            case "table":
                DrawTable(series, width);
                break;
            default:
                string unit = panel.GetProperty("fieldConfig").GetProperty("defaults").GetProperty("unit").GetString()!;
                DrawLines(series, width, height, unit);
                break;
        }

        Line("</g>");
    }

    // Those of the highest values first: what is 0 all the time must not hide them, nor have the legend to itself.
    private void DrawLines(Series[] series, int width, int height, string unit)
    {
        const int Left = 72;
        const int Top = 28;
        const int Times = 16;
        Series[] sorted = [.. series.OrderByDescending(one => one.Peak)];
        Series[] named = [.. sorted.Take(sorted.Length > LegendLines ? LegendLines - 1 : LegendLines)];
        int bottom = height - 8 - Times - (Math.Min(series.Length, LegendLines) * Legend);
        double[] ticks = Ticks([.. series.SelectMany(one => one.Points).Select(point => point.Value)]);
        foreach (double value in ticks)
        {
            Line($"<path d=\"M{Left} {Text(HeightOf(value))}H{width - Margin}\" stroke=\"{(value == 0 ? "#9aa3b2" : "#e3e6eb")}\"/>");
            Line($"<text x=\"{Left - 6}\" y=\"{Text(HeightOf(value) + 4)}\" text-anchor=\"end\">{Text(value, unit)}</text>");
        }

        for (long time = start; time <= end; time += 10)
        {
            string anchor = time == start ? "start" : "middle";
            Line($"<text x=\"{Text(PlaceOf(time))}\" y=\"{bottom + 14}\" text-anchor=\"{anchor}\" fill=\"#6b7280\">{time - start} s</text>");
        }

        for (int i = sorted.Length - 1; i >= 0; i--)
        {
            string path = string.Join(' ', sorted[i].Points.Select(point => $"{Text(PlaceOf(point.Time))},{Text(HeightOf(point.Value))}"));
            Line($"<polyline points=\"{path}\" fill=\"none\" stroke=\"{ColourOf(i)}\" stroke-width=\"1.5\"/>");
        }

        for (int i = 0; i < named.Length; i++)
        {
            int line = bottom + Times + 12 + (i * Legend);
            Line($"<path d=\"M{Left} {line - 4}h14\" stroke=\"{ColourOf(i)}\" stroke-width=\"3\"/><text x=\"{Left + 20}\" y=\"{line}\">{Escape(sorted[i].Name)}</text>");
        }

        if (sorted.Length > named.Length)
        {
            string what = sorted.Skip(named.Length).All(one => one.Peak == 0) ? " at 0" : "";
            Line($"<text x=\"{Left + 20}\" y=\"{bottom + Times + 12 + (named.Length * Legend)}\" fill=\"#6b7280\">{sorted.Length - named.Length} more{what}</text>");
        }

        double HeightOf(double value) => bottom - ((bottom - Top) * (value - ticks[0]) / (ticks[^1] - ticks[0]));

        double PlaceOf(double time) => Left + ((width - Margin - Left) * (time - start) / (end - start));
    }

    private static string ColourOf(int index) => Colours[index % Colours.Length];

    // Around the values and 0, at round numbers.
    private static double[] Ticks(double[] values)
    {
        (double least, double most) = (Math.Min(0, values.DefaultIfEmpty().Min()), Math.Max(0, values.DefaultIfEmpty().Max()));
        double rough = (most > least ? most - least : 1) / 4;
        double power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        double step = power * ((double[])[1, 2, 5, 10]).First(factor => factor * power >= rough * 0.999);
        int first = (int)Math.Floor(least / step);
        int last = Math.Max((int)Math.Ceiling(most / step), first + 1);
        return [.. Enumerable.Range(first, last - first + 1).Select(tick => tick * step)];
    }

    private void DrawTable(Series[] series, int width)
    {
        string[] columns = [.. series.SelectMany(one => one.Labels.Keys).Where(label => label is not ("__name__" or "job")).Distinct()];
        int column = (width - (2 * Margin)) / Math.Max(columns.Length, 1);
        for (int i = 0; i < columns.Length; i++)
        {
            int x = Margin + (i * column);
            Line($"<text x=\"{x}\" y=\"{TableTop}\" fill=\"#6b7280\">{Escape(columns[i])}</text>");
            for (int row = 0; row < series.Length; row++)
            {
                Line($"<text x=\"{x}\" y=\"{TableTop + ((row + 1) * TableRow)}\">{Escape(series[row].Labels.GetValueOrDefault(columns[i], ""))}</text>");
            }
        }

        Line($"<path d=\"M{Margin} {TableTop + 5}H{width - Margin}\" stroke=\"#d5d9e0\"/>");
    }

    private Series[] AskAll(JsonElement panel)
    {
        string title = panel.GetProperty("title").GetString()!;
        if (!_answers.TryGetValue((title, Place(panel, "y")), out Series[]? series))
        {
            _answers.Add((title, Place(panel, "y")), series = [.. panel.GetProperty("targets").EnumerateArray().SelectMany(Ask)]);
        }

        return series;
    }

    // A table ends with its last row.
    private static int HeightOf(JsonElement panel, Series[] series) => panel.GetProperty("type").GetString() == "table"
        ? TableTop + (series.Length * TableRow) + Margin + 8
        : Place(panel, "h") * Row;

    private IEnumerable<Series> Ask(JsonElement target)
    {
        string query = target.GetProperty("expr").GetString()!
            .Replace("$__rate_interval", "10s").Replace("$namespace", ".*").Replace("$router", ".*").Replace("$instance", ".*");
        string legend = target.TryGetProperty("legendFormat", out JsonElement format) ? format.GetString()! : "";
        foreach (JsonElement answer in ask(query).EnumerateArray())
        {
            var labels = answer.GetProperty("metric").EnumerateObject().ToDictionary(label => label.Name, label => label.Value.GetString()!);
            (double, double)[] points =
            [
                .. from point in answer.GetProperty("values").EnumerateArray()
                   let value = double.Parse(point[1].GetString()!, CultureInfo.InvariantCulture)
                   where double.IsFinite(value)
                   select (point[0].GetDouble(), value),
            ];
            if (points.Length > 0)
            {
                yield return new Series(LabelName().Replace(legend, match => labels.GetValueOrDefault(match.Groups[1].Value, "")), labels, points);
            }
        }
    }

    private static int Place(JsonElement panel, string side) => panel.GetProperty("gridPos").GetProperty(side).GetInt32();

    private static string Text(double value) => Math.Round(value, 2).ToString(CultureInfo.InvariantCulture);

    private static string Text(double value, string unit) => unit switch
    {
        "percentunit" => $"{Text(100 * value)} %",
        "s" => $"{Text(1000 * value)} ms",
        "Bps" => $"{Text(value / 1000)} kB/s",
        "pps" => $"{Text(value)} p/s",
        "cps" => $"{Text(value)}/s",
        _ => Text(value),
    };

    private static string Escape(string text) => WebUtility.HtmlEncode(text);

    private void Line(string text) => _svg.Append(text).Append('\n');

    [GeneratedRegex(@"\{\{\s*(\w+)\s*\}\}")]
    private static partial Regex LabelName();

    private sealed record Series(string Name, Dictionary<string, string> Labels, (double Time, double Value)[] Points)
    {
        public double Peak => Points.Max(point => Math.Abs(point.Value));
    }
}
