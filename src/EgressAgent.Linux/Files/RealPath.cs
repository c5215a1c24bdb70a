namespace EgressAgent.Linux.Files;

/// <summary>The one path of a file among all that lead to it by way of symbolic links (realpath(3)).</summary>
public static class RealPath
{
    /// <summary>An absolute path without symbolic links. What is not there yet is where it would be made.</summary>
    public static string Of(string path) => Resolve(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)), links: 0);

    private static string Resolve(string path, int links)
    {
        // ELOOP of the kernel: a link that leads to itself leads nowhere.
        if (Path.GetDirectoryName(path) is not { } parent || links > 40)
        {
            return path;
        }

        string real = Path.Combine(Resolve(parent, links), Path.GetFileName(path));
        return new FileInfo(real).LinkTarget is { } target
            ? Resolve(Path.TrimEndingDirectorySeparator(Path.GetFullPath(target, Path.GetDirectoryName(real)!)), links + 1)
            : real;
    }
}
