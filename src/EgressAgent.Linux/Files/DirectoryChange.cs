namespace EgressAgent.Linux.Files;

/// <summary>What a <see cref="DirectoryWatch"/> saw.</summary>
/// <param name="Names">The files that were written and closed, renamed, removed, or had their owner or mode changed.</param>
/// <param name="IsOverflow">Events were lost: anything may have changed.</param>
/// <param name="IsLost">The directory itself is gone, was moved away or unmounted. It is the watch's last report.</param>
public sealed record DirectoryChange(IReadOnlySet<string> Names, bool IsOverflow, bool IsLost);
