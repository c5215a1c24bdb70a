using System.Text.RegularExpressions;

namespace EgressAgent.Model.Yaml;

/// <summary>Reads a YAML (or JSON) stream into trees. No content makes it throw; what is wrong is in the result.</summary>
internal static partial class YamlReader
{
    /// <summary>Reads every document; a fault in one does not lose the others. Empty documents are left out.</summary>
    /// <param name="file">The name that locations carry.</param>
    /// <param name="content">The bytes of the file.</param>
    /// <param name="fault">Why nothing was read at all: too large, too many documents, or in another encoding.</param>
    public static List<YamlDocument> Read(string file, ReadOnlySpan<byte> content, out Diagnostic? fault)
    {
        List<YamlDocument> documents = [];
        fault = Refuse(file, content);
        if (fault is not null)
        {
            return documents;
        }

        if (content.StartsWith(YamlDecoder.Utf8Mark))
        {
            content = content[YamlDecoder.Utf8Mark.Length..];
        }

        List<YamlChunk> chunks = YamlStreamSplitter.Split(content);
        if (chunks.Count > YamlLimits.Documents)
        {
            SourceLocation excess = new(file, chunks[YamlLimits.Documents].FirstLine, 1);
            fault = new Diagnostic(excess, "", $"the file holds more than {YamlLimits.Documents} documents");
            return documents;
        }

        foreach (YamlChunk chunk in chunks)
        {
            string? text = YamlDecoder.Decode(content[chunk.Range], file, chunk.FirstLine, out Diagnostic? undecodable);
            if (text is null)
            {
                documents.Add(new YamlDocument(new SourceLocation(file, chunk.FirstLine, 1), null, [undecodable!], IsComplete: false));
                continue;
            }

            documents.AddRange(Build(file, text, chunk.FirstLine).Where(document => !document.IsEmpty));
        }

        return documents;
    }

    // The parser refuses a line of tabs alone, or of tabs and a comment, which is an empty line (YAML 1.2.2, 6.6). Inside of a block
    // scalar, where tabs are content, it takes them; so they are taken away only where it did not.
    private static List<YamlDocument> Build(string file, string text, int firstLine)
    {
        List<YamlDocument> documents = new YamlTreeBuilder(file, text, firstLine).Build();
        return documents.All(document => document.IsComplete) || !TabsBeforeNothing().IsMatch(text)
            ? documents
            : new YamlTreeBuilder(file, TabsBeforeNothing().Replace(text, ""), firstLine).Build();
    }

    private static Diagnostic? Refuse(string file, ReadOnlySpan<byte> content)
    {
        SourceLocation start = new(file, 1, 1);
        if (content.Length > YamlLimits.FileBytes)
        {
            return new Diagnostic(start, "", $"the file has {content.Length} bytes; at most {YamlLimits.FileBytes} (4 MiB) are read");
        }

        return YamlDecoder.ForeignEncoding(content) is { } encoding
            ? new Diagnostic(start, "", $"the file is in {encoding}; save it in UTF-8")
            : null;
    }

    [GeneratedRegex(@"^[ \t]*\t[ \t]*(?=\r?$|#)", RegexOptions.CultureInvariant | RegexOptions.Multiline)]
    private static partial Regex TabsBeforeNothing();
}
