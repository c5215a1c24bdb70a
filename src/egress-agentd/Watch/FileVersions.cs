using EgressAgent.Linux;
using EgressAgent.Linux.Files;
using EgressAgent.Model.Validation;

namespace EgressAgent.Daemon.Watch;

/// <summary>How much of what is seen at this moment is believed.</summary>
internal enum Belief
{
    /// <summary>All of it.</summary>
    AsItIs,

    /// <summary>What is there is whole, as the kernel told of the end of its writing. What is gone may be about to be replaced.</summary>
    AsTold,

    /// <summary>What is new may be half written, and what is gone may be about to be replaced.</summary>
    AsSeen,
}

/// <summary>
/// Which version of each file of a directory was read, so that it is read again only when it is another one, and what elsewhere it
/// depends on. Not thread-safe.
/// </summary>
internal sealed class FileVersions(string directory, TimeProvider time)
{
    /// <summary>
    /// How long a file that is gone may be about to be replaced: install(1), rm and cp, and editors that keep a backup take the old one
    /// away first, and on a node that is busy they may not get a processor at once for what comes next.
    /// </summary>
    internal static readonly TimeSpan Replacement = TimeSpan.FromMilliseconds(500);

    // Who writes a file changes it all the time.
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);

    // How long a file that may be half written may also be the one that is gone, under another name.
    private static readonly TimeSpan Move = TimeSpan.FromSeconds(3);

    private readonly Dictionary<string, Version> _versions = new(StringComparer.Ordinal);

    // Those of them that are gone, and since when, until it is believed.
    private readonly Dictionary<string, long> _missing = new(StringComparer.Ordinal);

    /// <summary>Whether a file is gone, and it is not believed yet. The next look says more after <see cref="Replacement"/>.</summary>
    internal bool IsWaiting => _missing.Count > 0;

    /// <summary>The files that are reached by a link, or that have another name somewhere: a change of theirs need not show here.</summary>
    internal IEnumerable<string> DependentNames => _versions.Where(version => version.Value.IsDependent).Select(version => version.Key);

    /// <summary>Those of them that a change concerns.</summary>
    /// <param name="names">What changed in the directory; it need not be a router file, as a link to a directory is none.</param>
    /// <param name="paths">What changed elsewhere.</param>
    internal IEnumerable<string> DependentOn(IReadOnlySet<string> names, IReadOnlySet<string> paths)
    {
        KeyValuePair<string, Version>[] dependent = [.. _versions.Where(version => version.Value.IsDependent)];
        if (dependent.Length == 0)
        {
            return [];
        }

        // A link may lead to the directory itself; on the way to a file stands where that leads.
        string real = FileWay.Follow(directory).Steps is [.., var last] ? last.Path : directory;
        HashSet<string> changed = new(names.Select(name => Path.Join(real, name)).Concat(paths), StringComparer.Ordinal);
        return dependent
            .Where(version => changed.Contains(Path.Join(directory, version.Key))
                || version.Value.Way?.Steps.Any(step => changed.Contains(step.Path) || changed.Contains(step.Directory)) != false)
            .Select(version => version.Key);
    }

    /// <summary>The directories elsewhere, and the names in them, by which files of the directory are found.</summary>
    internal IReadOnlyDictionary<string, IReadOnlySet<string>> NamesElsewhere => _versions.Values
        .Where(version => version.Way is { HasLinks: true })
        .SelectMany(version => version.Way!.Steps)
        .Where(step => step.Directory != directory)
        .GroupBy(step => step.Directory)
        .ToDictionary(steps => steps.Key, IReadOnlySet<string> (steps) => steps.Select(step => step.Name).ToHashSet(StringComparer.Ordinal));

    /// <summary>The files with several names.</summary>
    internal IReadOnlySet<string> FilesWithNames => _versions
        .Where(version => version.Value.Status is { IsRegular: true, Links: > 1 })
        .Select(version => Path.Join(directory, version.Key))
        .ToHashSet(StringComparer.Ordinal);

    /// <summary>Looks at the named files only, as others may be half written at this moment, and at those that are missing.</summary>
    /// <param name="names">Without the directory.</param>
    /// <param name="belief">What is believed; of the rest a later look says more.</param>
    /// <param name="gone">The paths of those that are not there any more.</param>
    /// <returns>Those that are new or changed, as parsed.</returns>
    internal List<RouterFile> Refresh(IEnumerable<string> names, Belief belief, out List<string> gone)
    {
        List<RouterFile> read = [];
        bool hasNew = false;
        bool mayBeNew = false;
        foreach (string name in names.Where(RouterFileNames.IsRouterFile).Union(_missing.Keys).ToArray())
        {
            string path = Path.Combine(directory, name);
            Version version = Look(path);
            Version? known = _versions.GetValueOrDefault(name);
            if (version.IsGone)
            {
                if (known is not null)
                {
                    _missing.TryAdd(name, time.GetTimestamp());
                }

                continue;
            }

            _missing.Remove(name);
            if (known is null || !known.IsSame(version))
            {
                if (belief == Belief.AsSeen && !IsQuiet(version.Status))
                {
                    mayBeNew |= known is null;
                    continue;
                }

                hasNew |= known is null;
                read.Add(RouterFileReader.Read(path, out Exception? failure));

                // What could not be opened is another version at the next look.
                version = failure is null ? version : version with { Refusal = failure.Message };
            }

            // The way to a file that is the same may be another one.
            _versions[name] = version;
        }

        // A file that got another name is in one place or the other: both are told at once.
        TimeSpan hold = belief == Belief.AsItIs || hasNew ? TimeSpan.Zero : mayBeNew ? Move : Replacement;
        string[] believed = [.. _missing.Where(file => time.GetElapsedTime(file.Value) >= hold).Select(file => file.Key)];
        foreach (string name in believed)
        {
            _missing.Remove(name);
            _versions.Remove(name);
        }

        gone = [.. believed.Select(name => Path.Combine(directory, name))];
        return read;
    }

    /// <summary>Looks at all files.</summary>
    /// <exception cref="IOException">The directory cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory cannot be read.</exception>
    internal List<RouterFile> RefreshAll(Belief belief, out List<string> gone)
    {
        HashSet<string> present = [.. Directory.EnumerateFileSystemEntries(directory).Select(path => Path.GetFileName(path))];
        return Refresh(present.Union(_versions.Keys), belief, out gone);
    }

    private bool IsQuiet(FileStatus status)
    {
        DateTimeOffset changed = DateTimeOffset.UnixEpoch.AddTicks(status.ChangeTime / 100);
        DateTimeOffset now = time.GetUtcNow();

        // A time to come is none, and never passes.
        return changed > now || now - changed >= Quiet;
    }

    private static Version Look(string path)
    {
        try
        {
            FileWay way = FileWay.Follow(path);
            return new Version(way, way.Target ?? default, way.Target is null ? null : RouterFileTrust.WhyRefused(way));
        }
        catch (LinuxException exception)
        {
            // Reading it will say so as well, and whether it can be read now is looked at again and again.
            return new Version(null, default, exception.Message);
        }
    }

    /// <param name="Way">Null when it could not be followed.</param>
    /// <param name="Status">All zeros when there is no file.</param>
    /// <param name="Refusal">Why the file is not read.</param>
    private sealed record Version(FileWay? Way, FileStatus Status, string? Refusal)
    {
        /// <summary>Neither a file nor a link that leads nowhere; and no router file is a directory.</summary>
        internal bool IsGone => Way is { HasLinks: false } && (Way.Target is null or { Kind: FileKind.Directory });

        internal bool IsDependent => Way is null or { HasLinks: true } || Status.Links > 1;

        internal bool IsSame(Version other) =>
            Status == other.Status && Refusal == other.Refusal && (Way?.Steps[^1].Path == other.Way?.Steps[^1].Path);
    }
}
