namespace EgressAgent.Linux.Files;

/// <summary>Puts another content in the place of a file's, in one step: whoever opens it finds the one or the other.</summary>
public static class FileReplacement
{
    private const UnixFileMode NewFileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>Replaces a file by one with the same mode, which is the caller's. False when it is not the one that was seen: it stays as it is.</summary>
    /// <param name="path">The file; a link would be replaced itself, by a file that its owner alone may write.</param>
    /// <param name="seen">What the content was made from; null to make a file where there is none.</param>
    /// <param name="content">What it is to have.</param>
    /// <exception cref="IOException">It could not be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It could not be written.</exception>
    /// <exception cref="LinuxException">It could not be looked at.</exception>
    public static bool TryReplace(string path, FileStatus? seen, ReadOnlySpan<byte> content)
    {
        string draft = Path.Combine(Path.GetDirectoryName(path)!, $".{Path.GetFileName(path)}.egress-agentd");
        try
        {
            File.Delete(draft);
            using (FileStream file = new(draft, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }))
            {
                file.Write(content);
                file.Flush(flushToDisk: true);
            }

            File.SetUnixFileMode(draft, seen is { Kind: FileKind.Regular } old ? old.Mode : NewFileMode);
            if (FileStatus.TryRead(path, followsLink: false) != seen)
            {
                return false;
            }

            File.Move(draft, path, overwrite: true);
            return true;
        }
        finally
        {
            File.Delete(draft);
        }
    }
}
