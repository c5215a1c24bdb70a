using System.Net;
using System.Text;
using EgressAgent.Engine.Kernel;
using EgressAgent.Linux.Files;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Model;

namespace EgressAgent.Daemon.Names;

/// <summary>The node's own hosts file, in which the names are a marked block.</summary>
/// <param name="path">Where it is.</param>
/// <param name="owner">Whose block it is.</param>
/// <param name="hostName">The node's name, asked for each time.</param>
internal sealed class EtcHosts(string path, AgentOwner owner, Func<string> hostName) : NamePlace
{
    // Somebody else may write at the same time.
    private const int Attempts = 5;

    internal override string Path => path;

    /// <summary>The names of the node itself; null when the agent's block has no end, so that nobody can tell them.</summary>
    internal NodeNames? NodeNames => Parse(Read()) is { } text ? new NodeNames(hostName(), text.Entries) : null;

    /// <inheritdoc/>
    internal override ValueList<Diagnostic> Write(IReadOnlyList<NameLine> lines)
    {
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            FileStatus? seen = FileStatus.TryRead(path, followsLink: false);
            if (Parse(Read()) is not { } text)
            {
                return Fault("the agent's block has no end: take the line \"# BEGIN egress-agentd\" out, with those lines below it that are the agent's");
            }

            IReadOnlyList<NameLine> entries = text.Entries;
            NodeNames own = new(hostName(), entries);
            IReadOnlyList<NameLine> written = own.Without(lines);
            if (!text.Has(written))
            {
                if (WhyLeft(seen) is { } why)
                {
                    return Fault(why);
                }

                // A system may be without the file: the agent's own goes with the last name.
                string content = text.With(written);
                if (content.Length > 0 ? !FileReplacement.TryReplace(path, seen, Encoding.Latin1.GetBytes(content)) : !TryDelete(seen))
                {
                    continue;
                }
            }

            return [.. own.In(lines).Select(LeftOut), .. Elsewhere(written, entries)];
        }

        throw new IOException("somebody else keeps writing it");
    }

    // Latin-1 keeps whatever bytes there are, a byte order mark too.
    private string Read() => File.Exists(path) ? Encoding.Latin1.GetString(File.ReadAllBytes(path)) : "";

    private bool TryDelete(FileStatus? seen)
    {
        if (FileStatus.TryRead(path, followsLink: false) != seen)
        {
            return false;
        }

        File.Delete(path);
        return true;
    }

    private HostsText? Parse(string text) => HostsText.Parse(text, owner.Id);

    // A new file would take the place of the link alone, would be root's, and cannot take the place of a mount.
    private string? WhyLeft(FileStatus? status) =>
        Mount.TryRead("self")?.Any(mount => mount.Path == path) == true
            ? "it is a mount, which the agent does not edit; the names are in the hosts file of the agent's runtime directory, for a resolver of the node's, or take etcHosts out of the settings"
            : status switch
            {
                null or { Kind: FileKind.Regular, Links: 1, Owner: 0, Group: 0 } => null,
                { Kind: FileKind.Regular, Links: 1 } => "it does not belong to root:root, and the agent does not edit what is another's; give it to root:root, or take etcHosts out of the settings",
                { Kind: FileKind.Regular } => "it is a file of several names (hard links), which the agent does not edit; make it a file of its own, or take etcHosts out of the settings",
                { Kind: FileKind.Link } => "it is a symbolic link, which the agent does not edit; make it a file, or take etcHosts out of the settings",
                _ => "it is no file; make it one, or take etcHosts out of the settings",
            };

    private ValueList<Diagnostic> Fault(string message) => [new Diagnostic(new SourceLocation(path, 0, 0), "", message)];

    private Diagnostic Warning(string message) => new(new SourceLocation(path, 0, 0), "", message, DiagnosticSeverity.Warning);

    private Diagnostic LeftOut(string name) => Warning($"{name} is a name of this node itself, and leads to no Service here: give the Service another name");

    private IEnumerable<Diagnostic> Elsewhere(IReadOnlyList<NameLine> lines, IReadOnlyList<NameLine> entries)
    {
        ILookup<string, IPAddress> ours = lines.SelectMany(line => line.Names.Select(name => (name, line.Address)))
            .ToLookup(entry => entry.name, entry => entry.Address, StringComparer.OrdinalIgnoreCase);
        return entries
            .SelectMany(entry => entry.Names.Where(name => ours.Contains(name) && !ours[name].Contains(entry.Address)).Select(name => (entry.Address, Name: name)))
            .Distinct()
            .Select(other => Warning(
                $"{other.Name} also stands outside the agent's block, with {other.Address}: a program that tries all addresses of a name may connect there, from the node's own address; take that out"));
    }
}
