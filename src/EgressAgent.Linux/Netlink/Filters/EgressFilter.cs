namespace EgressAgent.Linux.Netlink.Filters;

/// <summary>A filter at the egress of a link (tc-bpf(8)), for frames of every protocol if it is one of ours.</summary>
/// <param name="Kind">As <c>tc filter show</c> prints it; <c>bpf</c> for a program.</param>
/// <param name="Preference">The lowest is asked first.</param>
/// <param name="Handle">Its number among those of the preference.</param>
public sealed record EgressFilter(string Kind, int Preference, uint Handle)
{
    /// <summary>The program's id, in <c>bpf</c> filters of programs.</summary>
    public uint? ProgramId { get; init; }

    /// <summary>Whether what the program returns is done.</summary>
    public bool IsDirectAction { get; init; }

    /// <summary>Whether it is for frames of every protocol.</summary>
    public bool IsForAll { get; init; }

    /// <summary>Others than chain 0 are asked only if a filter of it sends packets there.</summary>
    public uint Chain { get; init; }
}
