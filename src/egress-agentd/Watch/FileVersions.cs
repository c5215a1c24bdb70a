using EgressAgent.Linux;
using EgressAgent.Linux.Files;
using EgressAgent.Model.Validation;

namespace EgressAgent.Daemon.Watch;

/// <summary>
/// Which version of each file of a directory was read, so that it is read again only when it is another one. Not thread-safe.
/// </summary>
internal sealed class FileVersions(string directory)
{
    private readonly Dictionary<string, FileStatus> _versions = new(StringComparer.Ordinal);

    /// <summary>Looks at the named files only, as others may be half written at this moment.</summary>
    /// <param name="names">Without the directory.</param>
    /// <param name="gone">The paths of those that are not there any more.</param>
    /// <returns>Those that are new or changed, as parsed.</returns>
    internal List<RouterFile> Refresh(IEnumerable<string> names, out List<string> gone)
    {
        List<RouterFile> read = [];
        gone = [];
        foreach (string name in names.Where(RouterFileNames.IsRouterFile))
        {
            string path = Path.Combine(directory, name);
            if (StatusOf(path) is not { } status)
            {
                if (_versions.Remove(name))
                {
                    gone.Add(path);
                }
            }
            else if (!_versions.TryGetValue(name, out FileStatus known) || known != status)
            {
                _versions[name] = status;
                read.Add(RouterFileReader.Read(path));
            }
        }

        return read;
    }

    /// <summary>Looks at all files.</summary>
    /// <exception cref="IOException">The directory cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory cannot be read.</exception>
    internal List<RouterFile> RefreshAll(out List<string> gone)
    {
        HashSet<string> present = [.. Directory.EnumerateFiles(directory).Select(path => Path.GetFileName(path))];
        return Refresh([.. present, .. _versions.Keys.Where(name => !present.Contains(name))], out gone);
    }

    private static FileStatus? StatusOf(string path)
    {
        try
        {
            return FileStatus.TryRead(path);
        }
        catch (LinuxException)
        {
            // Reading it will say why. No version has this status, so the next look tries again.
            return default(FileStatus);
        }
    }
}
