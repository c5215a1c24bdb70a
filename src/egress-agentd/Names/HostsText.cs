using System.Net;
using System.Text;

namespace EgressAgent.Daemon.Names;

/// <summary>A hosts file with a marked block of an agent's. Whatever is not in the block stays as it is, byte for byte.</summary>
internal sealed class HostsText
{
    private const string BeginWord = "# BEGIN egress-agentd";
    private const string EndWord = "# END egress-agentd";

    private readonly string _mark;
    private readonly string _block;
    private readonly string _rest;

    // Whether nothing before the block has a name, but for blocks of other agents, which would want to be first as well.
    private readonly bool _leads;

    private HostsText(string mark, string block, string rest, bool leads)
    {
        _mark = mark;
        _block = block;
        _rest = rest;
        _leads = leads;
    }

    /// <summary>The lines outside the block that have names.</summary>
    internal IReadOnlyList<NameLine> Entries => [.. _rest.Split('\n').Select(Read).OfType<NameLine>()];

    /// <summary>Reads a file; null when its block has no end, so that nobody can tell what belongs to it.</summary>
    /// <param name="text">The file.</param>
    /// <param name="mark">Whose block it is.</param>
    internal static HostsText? Parse(string text, string mark)
    {
        var block = new StringBuilder();
        var rest = new StringBuilder();
        bool isInside = false;
        bool isInAnother = false;
        bool leads = true;
        for (int start = 0, next; start < text.Length; start = next)
        {
            int end = text.IndexOf('\n', start);
            next = end < 0 ? text.Length : end + 1;
            string line = text[start..next];
            isInside |= line.StartsWith($"{BeginWord} {mark}", StringComparison.Ordinal);
            isInAnother |= !isInside && line.StartsWith(BeginWord, StringComparison.Ordinal);
            (isInside ? block : rest).Append(line);
            leads &= block.Length > 0 || isInAnother || Read(line) is null;
            isInAnother &= !line.StartsWith(EndWord, StringComparison.Ordinal);
            isInside &= !line.StartsWith($"{EndWord} {mark}", StringComparison.Ordinal);
        }

        return isInside ? null : new HostsText(mark, block.ToString(), rest.ToString(), leads);
    }

    /// <summary>The file with these lines as its block, before all that has a name; without a block when there is no line.</summary>
    internal string With(IReadOnlyList<NameLine> lines)
    {
        string block = lines.Count == 0
            ? ""
            : $"{BeginWord} {_mark}: names of Services, kept by egress-agentd (etcHosts in its settings)\n"
                + string.Concat(lines.Select(line => $"{line}\n"))
                + $"{EndWord} {_mark}\n";
        return block + _rest;
    }

    /// <summary>Whether these lines are the block, and nothing has a name before it does.</summary>
    internal bool Has(IReadOnlyList<NameLine> lines) => lines.Count == 0 ? _block.Length == 0 : _leads && With(lines) == _block + _rest;

    private static NameLine? Read(string line)
    {
        string[] words = line.Split('#')[0].Split((char[])[' ', '\t', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries);
        return words.Length > 1 && IPAddress.TryParse(words[0], out IPAddress? address) ? new NameLine(address, [.. words[1..]]) : null;
    }
}
