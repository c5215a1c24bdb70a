using EgressAgent.Linux.Files;
using EgressAgent.Model;
using EgressAgent.Model.Validation;

namespace EgressAgent.Daemon.Watch;

/// <summary>Reads one router file from disk.</summary>
internal static class RouterFileReader
{
    /// <summary>
    /// Reads, checks who may write it, and parses. Never throws: a file that cannot be read is one with that finding, and not
    /// complete, so that nothing is taken as removed.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="failure">Why it could not be opened or read, though it may be right in itself; null when it could.</param>
    /// <param name="asksWhoMayWrite">Whether it is one that the agent reads, so that who can write it can configure the node.</param>
    internal static RouterFile Read(string path, out Exception? failure, bool asksWhoMayWrite = true)
    {
        failure = null;
        try
        {
            FileWay way = FileWay.Follow(path);
            if (way.Target is not { } status)
            {
                return Refused(path, way.HasLinks ? $"leads to {way.Steps[^1].Path}, which is not there" : "the file is gone");
            }

            // To open a pipe is to wait for its writer.
            if (!status.IsRegular)
            {
                return Refused(path, "it is not a regular file");
            }

            // The parser says what is wrong with a file that is too large; a byte more than it takes is enough to tell.
            return asksWhoMayWrite && RouterFileTrust.WhyRefused(way) is { } refusal
                ? Refused(path, refusal)
                : RouterFileParser.Parse(path, ReadUpTo(path, RouterFileParser.MaxBytes + 1));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            failure = exception;
            return Refused(path, $"the file cannot be read: {exception.Message}");
        }
    }

    private static byte[] ReadUpTo(string path, int limit)
    {
        using FileStream stream = File.OpenRead(path);
        byte[] content = new byte[Math.Min(stream.Length, limit)];
        int count = stream.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
        return count == content.Length ? content : content[..count];
    }

    private static RouterFile Refused(string path, string why) =>
        new(path, [], [new Diagnostic(new SourceLocation(path, 0, 0), "", why)], IsComplete: false);
}
