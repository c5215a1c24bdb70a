using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Reads router files: <c>/etc/egress-router/*.yaml</c>.</summary>
public static class RouterFileParser
{
    /// <summary>The largest file that is read: 4 MiB.</summary>
    public const int MaxBytes = YamlLimits.FileBytes;

    private const string OnlyComments = "the file holds no document, only comments";

    /// <summary>
    /// Reads a whole file and checks everything in it that can be checked without the node and the other files. No content makes
    /// it throw. A document with errors never affects another one.
    /// </summary>
    /// <param name="path">What the locations of the findings say; nothing is opened.</param>
    /// <param name="content">The bytes of the file.</param>
    public static RouterFile Parse(string path, ReadOnlySpan<byte> content)
    {
        List<YamlDocument> documents = YamlReader.Read(path, content, out Diagnostic? refusal);
        if (refusal is not null)
        {
            return new RouterFile(path, [], [refusal], IsComplete: false);
        }

        ValueList<RouterDocument> routers = documents.SelectMany(ManifestReader.Read).ToValueList();
        if (documents.Count > 0)
        {
            return new RouterFile(path, routers, [], routers.All(document => document.IsIdentified));
        }

        // Comments are somebody's intent. A file without a single character is what a failed or unfinished write leaves.
        SourceLocation start = new(path, 1, 1);
        return content.IndexOfAnyExcept(" \t\r\n"u8) < 0
            ? new RouterFile(path, [], [new Diagnostic(start, "", "the file holds no document")], IsComplete: false)
            : new RouterFile(path, [], [new Diagnostic(start, "", OnlyComments, DiagnosticSeverity.Warning)], IsComplete: true);
    }
}
