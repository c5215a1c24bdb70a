namespace EgressAgent.Model.Yaml;

/// <summary>
/// Cuts a stream into its documents before any of them is parsed, so that a syntax error in one leaves the others readable.
/// That is sound because a line that begins with <c>---</c> or <c>...</c> and a blank can be nothing but a document marker, even
/// inside quotes and block scalars (YAML 1.2.2, 9.1.2, rule c-forbidden).
/// </summary>
internal static class YamlStreamSplitter
{
    public static List<YamlChunk> Split(ReadOnlySpan<byte> content)
    {
        List<YamlChunk> chunks = [];
        int start = 0;
        int startLine = 1;
        bool hasContent = false;
        int line = 1;
        for (int position = 0; position < content.Length; line++)
        {
            ReadOnlySpan<byte> rest = content[position..];
            int length = LineLength(rest);
            if (hasContent && IsMarker(rest, "---"u8))
            {
                chunks.Add(new YamlChunk(start..position, startLine));
                (start, startLine) = (position, line);
            }

            position += length;
            hasContent |= !IsBlankCommentOrDirective(rest[..length]);
            if (IsMarker(rest, "..."u8))
            {
                chunks.Add(new YamlChunk(start..position, startLine));
                (start, startLine, hasContent) = (position, line + 1, false);
            }
        }

        if (start < content.Length)
        {
            chunks.Add(new YamlChunk(start..content.Length, startLine));
        }

        return chunks;
    }

    private static int LineLength(ReadOnlySpan<byte> rest)
    {
        int end = rest.IndexOfAny((byte)'\n', (byte)'\r');
        return end switch
        {
            < 0 => rest.Length,
            _ when rest[end..].StartsWith("\r\n"u8) => end + 2,
            _ => end + 1,
        };
    }

    private static bool IsMarker(ReadOnlySpan<byte> rest, ReadOnlySpan<byte> marker) =>
        rest.StartsWith(marker) && (rest.Length == marker.Length || " \t\r\n"u8.Contains(rest[marker.Length]));

    private static bool IsBlankCommentOrDirective(ReadOnlySpan<byte> line)
    {
        ReadOnlySpan<byte> text = line.Trim(" \t\r\n"u8);
        return text.IsEmpty || text[0] == (byte)'#' || line[0] == (byte)'%';
    }
}

/// <summary>The bytes of one document of a YAML stream.</summary>
/// <param name="Range">Where in the file.</param>
/// <param name="FirstLine">The file's line (from 1) on which it begins.</param>
internal readonly record struct YamlChunk(Range Range, int FirstLine);
