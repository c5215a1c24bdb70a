namespace EgressAgent.Linux.Files;

/// <summary>One name on the way to a file.</summary>
/// <param name="Directory">Where it stands; itself no link, and reached by none.</param>
/// <param name="Name">The name.</param>
/// <param name="Status">Of what the name stands for, a link itself; null when there is nothing.</param>
public sealed record FileStep(string Directory, string Name, FileStatus? Status)
{
    public string Path => System.IO.Path.Join(Directory, Name);
}

/// <summary>
/// The way that the kernel goes to find a file, from the root on: each directory, each symbolic link with what it leads to, and the
/// file itself in the end. Who can change one of them decides what is found (path_resolution(7)).
/// </summary>
/// <param name="Steps">In order; the first one is in the root directory. The last one is the file, or what is missing.</param>
public sealed record FileWay(IReadOnlyList<FileStep> Steps)
{
    // MAXSYMLINKS of the kernel.
    private const int MaxLinks = 40;

    /// <summary>The file; null when the way does not lead to one.</summary>
    public FileStatus? Target => Steps.Count > 0 ? Steps[^1].Status : null;

    /// <summary>Whether a symbolic link is on it.</summary>
    public bool HasLinks => Steps.Any(step => step.Status is { Kind: FileKind.Link });

    /// <summary>Goes to a file, as far as there is a way.</summary>
    /// <exception cref="LinuxException">Something on the way cannot be looked at, or links lead round in a circle (ELOOP).</exception>
    public static FileWay Follow(string path)
    {
        List<FileStep> steps = [];
        Stack<string> rest = new(Parts(System.IO.Path.GetFullPath(path)).Reverse());
        string directory = "/";
        int links = 0;
        while (rest.TryPop(out string? name))
        {
            if (name == "..")
            {
                directory = System.IO.Path.GetDirectoryName(directory) ?? "/";
                continue;
            }

            FileStep step = new(directory, name, FileStatus.TryRead(System.IO.Path.Join(directory, name), followsLink: false));
            steps.Add(step);
            switch (step.Status)
            {
                case null:
                    return new FileWay(steps);
                case { Kind: FileKind.Link }:
                    if (++links > MaxLinks)
                    {
                        throw new LinuxException("follow", path, Errno.ELOOP);
                    }

                    // Null where the link went at this moment: then there is nothing to follow.
                    string target = new FileInfo(step.Path).LinkTarget ?? name;
                    directory = target.StartsWith('/') ? "/" : directory;
                    foreach (string part in Parts(target).Reverse())
                    {
                        rest.Push(part);
                    }

                    break;
                case { Kind: FileKind.Directory }:
                    directory = step.Path;
                    break;
                default:
                    if (rest.Count > 0)
                    {
                        steps.Add(new FileStep(step.Path, rest.Peek(), null));
                    }

                    return new FileWay(steps);
            }
        }

        return new FileWay(steps);
    }

    private static IEnumerable<string> Parts(string path) => path.Split('/').Where(part => part is not ("" or "."));
}
