using EgressAgent.Linux;
using EgressAgent.Linux.Files;
using EgressAgent.Model.Validation;

namespace EgressAgent.Daemon.Watch;

/// <summary>
/// Which version of each file of a directory was read, so that it is read again only when it is another one, and what elsewhere it
/// depends on. Not thread-safe.
/// </summary>
internal sealed class FileVersions(string directory)
{
    private readonly Dictionary<string, Version> _versions = new(StringComparer.Ordinal);

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

    /// <summary>Whether a file is not there any more that was there when it was looked at last.</summary>
    internal bool HasVanished(string name) => _versions.ContainsKey(name) && Look(Path.Combine(directory, name)).IsGone;

    /// <summary>Looks at the named files only, as others may be half written at this moment.</summary>
    /// <param name="names">Without the directory.</param>
    /// <param name="gone">The paths of those that are not there any more.</param>
    /// <param name="isReady">Whether a version that is new may be read; null for all.</param>
    /// <returns>Those that are new or changed, as parsed.</returns>
    internal List<RouterFile> Refresh(IEnumerable<string> names, out List<string> gone, Func<FileStatus, bool>? isReady = null)
    {
        List<RouterFile> read = [];
        gone = [];
        foreach (string name in names.Where(RouterFileNames.IsRouterFile))
        {
            string path = Path.Combine(directory, name);
            Version version = Look(path);
            if (version.IsGone)
            {
                if (_versions.Remove(name))
                {
                    gone.Add(path);
                }
            }
            else if (!_versions.TryGetValue(name, out Version? known) || !known.IsSame(version))
            {
                if (isReady is not null && !isReady(version.Status))
                {
                    continue;
                }

                _versions[name] = version;
                read.Add(RouterFileReader.Read(path));
            }
            else
            {
                // The way to it may be another one.
                _versions[name] = version;
            }
        }

        return read;
    }

    /// <summary>Looks at all files.</summary>
    /// <exception cref="IOException">The directory cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory cannot be read.</exception>
    internal List<RouterFile> RefreshAll(out List<string> gone, Func<FileStatus, bool>? isReady = null)
    {
        HashSet<string> present = [.. Directory.EnumerateFileSystemEntries(directory).Select(path => Path.GetFileName(path))];
        return Refresh([.. present, .. _versions.Keys.Where(name => !present.Contains(name))], out gone, isReady);
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
