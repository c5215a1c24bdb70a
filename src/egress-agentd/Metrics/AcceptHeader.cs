using System.Globalization;

namespace EgressAgent.Daemon.Metrics;

/// <summary>What a client can read, by its Accept header (RFC 9110, 12.5.1).</summary>
internal static class AcceptHeader
{
    /// <summary>Whether the client would rather have OpenMetrics 1.0 than Prometheus' own text. One that says nothing gets the latter.</summary>
    internal static bool PrefersOpenMetrics(string accept)
    {
        double openMetrics = 0;
        double plain = 0;
        foreach (string range in accept.Split(','))
        {
            string[] parts = range.Split(';', StringSplitOptions.TrimEntries);
            double quality = QualityOf(parts.Skip(1));
            if (Is(parts[0], "application/openmetrics-text"))
            {
                bool isOurs = !parts.Skip(1).Any(part => part.StartsWith("version=", StringComparison.OrdinalIgnoreCase) && part[8..].Trim('"') != "1.0.0");
                openMetrics = isOurs ? Math.Max(openMetrics, quality) : openMetrics;
            }
            else if (Is(parts[0], "text/plain"))
            {
                plain = Math.Max(plain, quality);
            }
        }

        return openMetrics > 0 && openMetrics >= plain;
    }

    private static bool Is(string range, string type) => range.Equals(type, StringComparison.OrdinalIgnoreCase);

    private static double QualityOf(IEnumerable<string> parameters) =>
        parameters.FirstOrDefault(part => part.StartsWith("q=", StringComparison.OrdinalIgnoreCase)) is not { } quality ? 1
        : double.TryParse(quality.AsSpan(2), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value) && value <= 1 ? value
        : 0;
}
