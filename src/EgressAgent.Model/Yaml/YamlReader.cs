using EgressAgent.Model.Validation;

namespace EgressAgent.Model.Yaml;

/// <summary>Reads a YAML (or JSON) stream into trees. No content makes it throw; what is wrong is in the result.</summary>
internal static class YamlReader
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

            documents.AddRange(new YamlTreeBuilder(file, text, chunk.FirstLine).Build().Where(document => !document.IsEmpty));
        }

        return documents;
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
}
