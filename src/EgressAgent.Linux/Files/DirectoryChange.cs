namespace EgressAgent.Linux.Files;

/// <summary>What a <see cref="DirectoryWatch"/> saw.</summary>
/// <param name="Names">
/// The files of the directory that were written and closed, linked, renamed, removed, or had their owner or mode changed.
/// </param>
/// <param name="Elsewhere">The paths that changed of those that <see cref="DirectoryWatch.WatchElsewhere"/> named.</param>
/// <param name="IsOverflow">Events were lost: anything may have changed.</param>
/// <param name="IsLost">The directory itself is gone, was moved away or unmounted. It is the watch's last report.</param>
public sealed record DirectoryChange(IReadOnlySet<string> Names, IReadOnlySet<string> Elsewhere, bool IsOverflow, bool IsLost)
{
    /// <summary>Whether nothing was seen.</summary>
    public bool IsNothing => Names.Count == 0 && Elsewhere.Count == 0 && !IsOverflow && !IsLost;
}
