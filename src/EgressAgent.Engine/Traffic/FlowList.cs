using EgressAgent.Model;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Traffic;

/// <summary>
/// The flows of a router at one moment, to be read page by page, also over several such lists: a flow that is in all of them is on
/// one page. Immutable; thread-safe.
/// </summary>
public sealed class FlowList
{
    internal static readonly FlowList None = new([]);

    private readonly Lazy<(string Cursor, RouterFlow Flow)[]> _sorted;

    internal FlowList(ValueList<RouterFlow> flows)
    {
        All = flows;
        _sorted = new Lazy<(string Cursor, RouterFlow Flow)[]>(() => Sort(flows));
    }

    /// <summary>In no particular order.</summary>
    public ValueList<RouterFlow> All { get; }

    public int Count => All.Count;

    /// <summary>The flows that follow a page; the first ones after "".</summary>
    /// <param name="after">Where the page before ended.</param>
    /// <param name="limit">How many at most; more than none.</param>
    /// <returns>The flows, and where they end; "" after the last page.</returns>
    public (IReadOnlyList<RouterFlow> Flows, string Next) PageAfter(string after, int limit)
    {
        (string Cursor, RouterFlow Flow)[] sorted = _sorted.Value;
        int start = 0;
        for (int end = sorted.Length; start < end;)
        {
            int middle = (start + end) / 2;
            if (string.CompareOrdinal(sorted[middle].Cursor, after) <= 0)
            {
                start = middle + 1;
            }
            else
            {
                end = middle;
            }
        }

        int next = Math.Min(start + limit, sorted.Length);
        return (
            [.. sorted[start..next].Select(entry => entry.Flow)],
            next < sorted.Length ? sorted[next - 1].Cursor : "");
    }

    // The kernel may show a flow twice, as its table changes while it is read.
    private static (string Cursor, RouterFlow Flow)[] Sort(IEnumerable<RouterFlow> flows) =>
    [
        .. flows.Select(flow => (Cursor: $"{flow.Protocol} {flow.Client} {flow.Inside} {flow.Id}", Flow: flow))
            .DistinctBy(entry => entry.Cursor)
            .OrderBy(entry => entry.Cursor, StringComparer.Ordinal),
    ];
}
