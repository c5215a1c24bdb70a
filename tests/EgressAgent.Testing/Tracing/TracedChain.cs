namespace EgressAgent.Testing.Tracing;

/// <summary>A chain.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Hook">Where packets enter it; null for one that others jump to.</param>
/// <param name="Priority">Lower is earlier at the same hook.</param>
/// <param name="IsNat">Whether it sees a flow's first packet alone.</param>
/// <param name="IsAcceptedByPolicy">What happens to a packet that comes to its end.</param>
public sealed record TracedChain(string Name, string? Hook, int Priority, bool IsNat, bool IsAcceptedByPolicy)
{
    public List<TracedRule> Rules { get; } = [];
}
