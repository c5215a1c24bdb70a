using EgressAgent.Linux.Files;
using EgressAgent.Model.Validation;

namespace EgressAgent.Daemon.Watch;

/// <summary>Whether nobody but root can say what a router file says.</summary>
internal static class RouterFileTrust
{
    /// <summary>Null when that is so for all on the way to a file, else the message for the administrator.</summary>
    internal static string? WhyRefused(FileWay way) =>
        (way.Target is { IsRegular: true } file ? RouterFileNames.WhyRefused(file.Owner, file.Mode) : null)
        ?? way.Steps.Select(WhyRefused).FirstOrDefault(reason => reason is not null);

    private static string? WhyRefused(FileStep step) => step.Status switch
    {
        { Kind: FileKind.Directory } directory => RouterFileNames.WhyDirectoryRefused(step.Path, directory.Owner, directory.Mode),
        { Kind: FileKind.Link } link => RouterFileNames.WhyLinkRefused(step.Path, link.Owner),
        _ => null,
    };
}
