namespace EgressAgent.Benchmarks.Relay;

/// <summary>One measured quantity of both contenders. What was measured in one round belongs together: the machine was the same.</summary>
/// <param name="what">What it is, with its unit.</param>
/// <param name="bar">What the ratio is to be.</param>
internal sealed class Comparison(string what, Bar bar)
{
    private readonly List<double> _first = [];
    private readonly List<double> _second = [];

    internal bool Passes => bar.Holds(Report.Median(_first.Zip(_second, (first, second) => first / second)));

    /// <summary>Whether it was not measured.</summary>
    internal bool IsEmpty => _first.Count == 0;

    internal void Add(bool isFirst, double value) => (isFirst ? _first : _second).Add(value);

    internal void Print() => Report.Ratio(what, _first, _second, bar);
}
