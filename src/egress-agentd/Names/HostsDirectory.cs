using EgressAgent.Model;

namespace EgressAgent.Daemon.Names;

/// <summary>A hosts file that is alone in its directory, where dnsmasq's <c>--hostsdir</c> is to look.</summary>
/// <param name="runtime">The directory for what lasts until the next boot.</param>
internal sealed class HostsDirectory(string runtime) : NamePlace
{
    private const string Name = "egress-agentd";

    private const UnixFileMode DirectoryMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private readonly string _directory = System.IO.Path.Combine(runtime, "hosts.d");
    private string? _written;

    internal override string Path => System.IO.Path.Combine(_directory, Name);

    /// <inheritdoc/>
    internal override ValueList<Diagnostic> Write(IReadOnlyList<NameLine> lines)
    {
        string text = string.Concat(lines.Select(line => $"{line}\n"));
        if (text != _written || !File.Exists(Path))
        {
            Directory.CreateDirectory(_directory, DirectoryMode);
            Replace(text);
            _written = text;
        }

        return [];
    }

    /// <summary>Takes the file away, for when the agent goes for good.</summary>
    internal ValueList<Diagnostic> Remove()
    {
        if (File.Exists(Path))
        {
            File.Delete(Path);
        }

        return [];
    }
}
