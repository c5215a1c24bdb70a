using System.Text;
using EgressAgent.Linux.Files;

namespace EgressAgent.Control.Setup;

/// <summary>One thing that is done to another program's settings, or found done. Doing it again changes nothing.</summary>
/// <param name="Text">What is done, as it is printed and told.</param>
/// <param name="IsDone">Whether it is done already, knowing whether a step before it was to be done.</param>
/// <param name="Do">Does it. It throws <see cref="SetupException"/>, <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/>.</param>
internal sealed record SetupStep(string Text, Func<bool, bool> IsDone, Action Do)
{
    /// <summary>A command of sh(1), unless another one succeeds.</summary>
    internal static SetupStep Run(string command, string unless) => new(command, _ => Shell.Succeeds(unless), () => Shell.Check(command));

    /// <summary>A command that brings into force what a step before it has changed.</summary>
    internal static SetupStep RunAfterChange(string command) => new(command, isChanged => !isChanged, () => Shell.Check(command));

    /// <summary>A file with a content.</summary>
    internal static SetupStep Write(string path, string content) => WriteUnless(path, content, () => File.Exists(path) && File.ReadAllText(path) == content);

    /// <inheritdoc cref="Write"/>
    internal static SetupStep WriteUnless(string path, string content, Func<bool> isDone) => new(
        $"write {path}:\n{content.TrimEnd('\n')}",
        _ => isDone(),
        () =>
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            if (!FileReplacement.TryReplace(path, FileStatus.TryRead(path, followsLink: false), Encoding.UTF8.GetBytes(content)))
            {
                throw new SetupException($"{path} was changed by somebody else meanwhile");
            }
        });

    /// <summary>No such file.</summary>
    internal static SetupStep Remove(string path) => new($"rm {path}", _ => !File.Exists(path), () => File.Delete(path));
}
