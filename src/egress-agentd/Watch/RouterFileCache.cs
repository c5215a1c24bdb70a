using EgressAgent.Linux;
using EgressAgent.Linux.Files;
using EgressAgent.Model.Validation;

namespace EgressAgent.Daemon.Watch;

/// <summary>
/// The parsed files of a directory. A file is read again only when it is another version, and one that cannot be read keeps the
/// routers it had. Not thread-safe.
/// </summary>
internal sealed class RouterFileCache(string directory)
{
    private readonly Dictionary<string, (FileStatus Status, RouterFile File)> _files = new(StringComparer.Ordinal);

    /// <summary>In no particular order.</summary>
    internal IEnumerable<RouterFile> Files => _files.Values.Select(entry => entry.File);

    /// <summary>Looks at the named files only, as others may be half written at this moment. True when anything is different.</summary>
    internal bool Refresh(IEnumerable<string> names)
    {
        bool isChanged = false;
        foreach (string name in names.Where(RouterFileNames.IsRouterFile))
        {
            isChanged |= RefreshFile(name);
        }

        return isChanged;
    }

    /// <summary>Looks at all files. True when anything is different; null when the directory cannot be read, and nothing was changed.</summary>
    internal bool? RefreshAll()
    {
        HashSet<string> present;
        try
        {
            present = [.. Directory.EnumerateFiles(directory).Select(path => Path.GetFileName(path))];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        return Refresh([.. present, .. _files.Keys.Where(name => !present.Contains(name))]);
    }

    private bool RefreshFile(string name)
    {
        string path = Path.Combine(directory, name);
        FileStatus? status;
        try
        {
            status = FileStatus.TryRead(path);
        }
        catch (LinuxException)
        {
            // Reading it will say why. No version has this status, so the next look tries again.
            status = default(FileStatus);
        }

        if (status is not { } present)
        {
            return _files.Remove(name);
        }

        if (_files.TryGetValue(name, out (FileStatus Status, RouterFile File) known) && known.Status == present)
        {
            return false;
        }

        _files[name] = (present, RouterFileReader.Read(path));
        return true;
    }
}
