using System.Globalization;

namespace EgressAgent.Benchmarks;

/// <summary>What benchmarks of two print: a table in Markdown, one row for each thing that was measured.</summary>
internal static class Report
{
    /// <param name="first">What is measured.</param>
    /// <param name="second">Beside what.</param>
    internal static void Head(string first, string second) => Console.WriteLine($"| | {first} | {second} | ratio | bar | |\n|---|---|---|---|---|---|");

    /// <param name="what">What was measured, with its unit.</param>
    /// <param name="first">Measured of the one.</param>
    /// <param name="second">Measured of the other, each in the same round as the first's at its place.</param>
    /// <param name="bar">What the ratio is to be; null where there is none.</param>
    internal static void Ratio(string what, IReadOnlyCollection<double> first, IReadOnlyCollection<double> second, Bar? bar = null)
    {
        double ratio = Median(first.Zip(second, (one, other) => one / other));
        Row(what, Text(Median(first)), Text(Median(second)), ratio.ToString("0.00", CultureInfo.InvariantCulture), bar, ratio);
    }

    /// <param name="what">What was measured, with its unit.</param>
    /// <param name="measured">Measured of the one; there is no other.</param>
    /// <param name="bar">What it is to be.</param>
    internal static void Value(string what, IReadOnlyCollection<double> measured, Bar? bar = null) =>
        Row(what, Text(Median(measured)), "", "", bar, Median(measured));

    internal static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    private static void Row(string what, string first, string second, string ratio, Bar? bar, double judged) =>
        Console.WriteLine($"| {what} | {first} | {second} | {ratio} | {bar} | {(bar is null ? "" : bar.Value.Holds(judged) ? "met" : "missed")} |");

    private static string Text(double value) => value.ToString(value < 10 ? "0.00" : value < 1000 ? "0.0" : "0", CultureInfo.InvariantCulture);
}

/// <summary>What a measurement is to be.</summary>
/// <param name="IsLeast">Whether at least <paramref name="Value"/>; at most otherwise.</param>
/// <param name="Value">The limit.</param>
internal readonly record struct Bar(bool IsLeast, double Value)
{
    internal static Bar AtLeast(double value) => new(true, value);

    internal static Bar AtMost(double value) => new(false, value);

    internal bool Holds(double measured) => IsLeast ? measured >= Value : measured <= Value;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{(IsLeast ? "≥" : "≤")} {Value:0.##}");
}
