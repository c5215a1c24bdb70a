using EgressAgent.Linux;
using EgressAgent.Linux.Files;
using EgressAgent.Model;
using EgressAgent.Model.Validation;

namespace EgressAgent.Daemon.Watch;

/// <summary>A file that is to be checked.</summary>
/// <param name="Path">As it was given, or below the directory that was.</param>
/// <param name="IsOfADirectory">Whether it was found in a directory.</param>
internal sealed record CheckTarget(string Path, bool IsOfADirectory);

/// <summary>The files behind what was named, and what is not read among them, and why.</summary>
internal sealed class CheckTargets
{
    private readonly List<CheckTarget> _files = [];
    private readonly List<Diagnostic> _findings = [];
    private readonly List<string> _missing = [];

    private CheckTargets()
    {
    }

    internal IReadOnlyList<CheckTarget> Files => _files;

    internal IReadOnlyList<Diagnostic> Findings => _findings;

    internal IReadOnlyList<string> Missing => _missing;

    internal static CheckTargets Find(IEnumerable<string> paths)
    {
        CheckTargets targets = new();
        foreach (string path in paths)
        {
            if (Directory.Exists(path))
            {
                targets.AddDirectory(path);
            }
            else if (IsThere(path))
            {
                targets._files.Add(new CheckTarget(path, IsOfADirectory: false));
            }
            else if (new FileInfo(path).LinkTarget is { } destination)
            {
                targets._findings.Add(Finding(path, $"is a link to {destination}, which is not there", DiagnosticSeverity.Error));
            }
            else
            {
                targets._missing.Add(path);
            }
        }

        return targets;
    }

    private void AddDirectory(string directory)
    {
        try
        {
            foreach (string path in Directory.EnumerateFileSystemEntries(directory).Order(StringComparer.Ordinal))
            {
                if (WhyNotRead(path) is { } reason)
                {
                    _findings.Add(Finding(path, reason, DiagnosticSeverity.Warning));
                }
                else if (RouterFileNames.IsRouterFile(Path.GetFileName(path)))
                {
                    _files.Add(new CheckTarget(path, IsOfADirectory: true));
                }
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            _findings.Add(Finding(directory, $"the directory cannot be read: {exception.Message}", DiagnosticSeverity.Error));
        }
    }

    // Null for what is read, and for what editors and package managers leave, of which nobody expects that it is.
    private static string? WhyNotRead(string path)
    {
        string name = Path.GetFileName(path);
        if (RouterFileNames.IsLeftover(name))
        {
            return null;
        }

        if (Directory.Exists(path))
        {
            return "is a directory, and is not read: router files lie in one directory";
        }

        if (!RouterFileNames.IsRouterFile(name))
        {
            return "is not read: its name does not end in .yaml or .yml";
        }

        return IsThere(path) ? null : $"is a link to {new FileInfo(path).LinkTarget}, which is not there, and is not read";
    }

    // To File.Exists a link is a file, wherever it leads.
    private static bool IsThere(string path)
    {
        try
        {
            return FileStatus.TryRead(path) is not null;
        }
        catch (LinuxException)
        {
            // Reading it will say why.
            return true;
        }
    }

    private static Diagnostic Finding(string path, string message, DiagnosticSeverity severity) =>
        new(new SourceLocation(path, 0, 0), "", message, severity);
}
