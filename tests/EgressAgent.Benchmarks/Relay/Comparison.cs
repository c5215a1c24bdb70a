using System.Globalization;

namespace EgressAgent.Benchmarks.Relay;

/// <summary>One measured quantity of both contenders.</summary>
/// <param name="name">What it is.</param>
/// <param name="unit">In what it is measured.</param>
/// <param name="higherIsBetter">Which way is good.</param>
/// <param name="margin">By how much the first may be worse than the second.</param>
internal sealed class Comparison(string name, string unit, bool higherIsBetter, double margin = 0)
{
    private readonly List<double> _first = [];
    private readonly List<double> _second = [];

    internal bool Passes => higherIsBetter ? Ratio >= 1 - margin : Ratio <= 1 + margin;

    /// <summary>Whether it was not measured.</summary>
    internal bool IsEmpty => _first.Count == 0;

    // What was measured in one round belongs together: the machine was the same.
    private double Ratio => Median([.. _first.Zip(_second, (first, second) => first / second)]);

    internal void Add(bool isFirst, double value) => (isFirst ? _first : _second).Add(value);

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{name + ", " + unit,-48}{Median(_first),12:G5}{Median(_second),12:G5}{Ratio,8:F2}  {(Passes ? "pass" : "FAIL")}"
        + $"  {_first.Min():G4}..{_first.Max():G4} / {_second.Min():G4}..{_second.Max():G4}");

    private static double Median(List<double> values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
