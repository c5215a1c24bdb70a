using System.Globalization;
using Spectre.Console;

namespace EgressAgent.Control.Printing;

/// <summary>How values are shown to people.</summary>
internal static class Words
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    internal static readonly Style Faint = new(decoration: Decoration.Dim);
    internal static readonly Style Bad = new(Color.Red);
    internal static readonly Style Doubtful = new(Color.Yellow);
    internal static readonly Style Good = new(Color.Green);

    /// <summary>A state of a router, of a Service or of the agent.</summary>
    internal static Cell State(string state) => new(state, state switch
    {
        "active" or "available" or "running" or "forwarded" => Good,
        "failed" or "unavailable" or "dropped" => Bad,
        _ => Doubtful,
    });

    internal static string OrNone(IReadOnlyList<string> values) => values.Count == 0 ? "-" : string.Join(", ", values);

    internal static string OrNone(string value) => value.Length == 0 ? "-" : value;

    /// <summary>In the local time of who looks.</summary>
    internal static string Time(DateTime time) => time.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    internal static string Number(ulong number) => number.ToString(CultureInfo.InvariantCulture);

    internal static string Bytes(ulong bytes)
    {
        double value = bytes;
        int unit = 0;
        while (value >= 1024 && unit < Units.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{(unit == 0 || value >= 100 ? Math.Round(value) : Math.Round(value, 1))} {Units[unit]}");
    }

    internal static string Count(int count, string what) => string.Create(CultureInfo.InvariantCulture, $"{count} {what}{(count == 1 ? "" : "s")}");
}
