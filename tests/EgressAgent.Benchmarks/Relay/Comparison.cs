using System.Globalization;

namespace EgressAgent.Benchmarks.Relay;

/// <summary>One measured quantity of both contenders.</summary>
internal sealed class Comparison(string name, string unit, bool higherIsBetter)
{
    private readonly List<double> _relay = [];
    private readonly List<double> _haProxy = [];

    internal bool Passes => higherIsBetter ? Ratio >= 1 : Ratio <= 1;

    /// <summary>Whether it was not measured.</summary>
    internal bool IsEmpty => _relay.Count == 0;

    private double Ratio => Median(_relay) / Median(_haProxy);

    internal void Add(bool isRelay, double value) => (isRelay ? _relay : _haProxy).Add(value);

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{name + ", " + unit,-42}{Median(_relay),12:G5}{Median(_haProxy),12:G5}{Ratio,8:F2}  {(Passes ? "pass" : "FAIL")}"
        + $"  {_relay.Min():G4}..{_relay.Max():G4} / {_haProxy.Min():G4}..{_haProxy.Max():G4}");

    private static double Median(List<double> values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
