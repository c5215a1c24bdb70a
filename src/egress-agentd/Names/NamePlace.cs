using System.Text;
using EgressAgent.Linux.Files;
using EgressAgent.Model;

namespace EgressAgent.Daemon.Names;

/// <summary>Where a resolver finds names.</summary>
internal abstract class NamePlace
{
    /// <summary>The file.</summary>
    internal abstract string Path { get; }

    /// <summary>Makes these the names there, and says what is odd about them. Without a line, nothing of the agent's is left there.</summary>
    /// <exception cref="IOException">They cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">They cannot be written.</exception>
    /// <exception cref="Linux.LinuxException">They cannot be written.</exception>
    internal abstract ValueList<Diagnostic> Write(IReadOnlyList<NameLine> lines);

    /// <summary>Makes this the content of a file that is the agent's alone. What is written first begins with a dot: resolvers do not read it.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be written.</exception>
    /// <exception cref="Linux.LinuxException">It cannot be looked at.</exception>
    protected void Replace(string content)
    {
        if (!FileReplacement.TryReplace(Path, FileStatus.TryRead(Path, followsLink: false), Encoding.UTF8.GetBytes(content)))
        {
            throw new IOException("somebody else writes it");
        }
    }
}
