using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using EgressAgent.Model;

namespace EgressAgent.Daemon.Names;

/// <summary>
/// Records that systemd-resolved serves, 261 and later, before it looks into the hosts file; earlier ones do not look here. Where it
/// does not run, nothing is written.
/// </summary>
/// <param name="directory">The runtime directory of systemd-resolved, in which the one for records is made for the agent: it may not.</param>
/// <param name="name">Of the file.</param>
/// <param name="hosts">Which knows the names of the node itself.</param>
/// <remarks>Source: systemd.rr(5).</remarks>
internal sealed class StaticRecords(string directory, string name, EtcHosts hosts) : NamePlace
{
    // RFC 1035, RFC 3596.
    private const int A = 1;
    private const int Aaaa = 28;

    private readonly string _records = System.IO.Path.Combine(directory, "static.d");

    internal override string Path => System.IO.Path.Combine(_records, name + ".rr");

    /// <inheritdoc/>
    internal override ValueList<Diagnostic> Write(IReadOnlyList<NameLine> lines)
    {
        // The node's own names lead to no Service: while they cannot be told, the records stay as they are.
        IReadOnlyList<NameLine>? written = lines.Count > 0 ? hosts.NodeNames?.Without(lines) : lines;
        if (written is null)
        {
            return [];
        }

        if (written.Count == 0)
        {
            if (File.Exists(Path))
            {
                File.Delete(Path);
            }
        }
        else if (Directory.Exists(_records))
        {
            string text = Format(written);
            if (!File.Exists(Path) || File.ReadAllText(Path) != text)
            {
                Replace(text);
            }
        }

        return [];
    }

    private static string Format(IReadOnlyList<NameLine> lines)
    {
        IEnumerable<string> records = lines.SelectMany(line => line.Names.Select(name => Record(name, line.Address)));
        return new StringBuilder("[\n").AppendJoin(",\n", records).Append("\n]\n").ToString();
    }

    // Names of hosts need no escape.
    private static string Record(string name, IPAddress address) => string.Create(
        CultureInfo.InvariantCulture,
        $$"""{"key":{"name":"{{name}}","type":{{(address.AddressFamily == AddressFamily.InterNetwork ? A : Aaaa)}}},"address":[{{string.Join(',', address.GetAddressBytes())}}]}""");
}
