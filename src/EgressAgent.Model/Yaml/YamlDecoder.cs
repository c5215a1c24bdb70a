using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace EgressAgent.Model.Yaml;

/// <summary>Turns the bytes of a document into text, or says which byte is no text.</summary>
internal static class YamlDecoder
{
    /// <summary>What is outside of c-printable (YAML 1.2.2, 5.1).</summary>
    private static readonly SearchValues<char> Controls = SearchValues.Create(
    [
        .. from code in Enumerable.Range(0, ' ').Concat(Enumerable.Range(0x7F, 0xA0 - 0x7F))
           where code is not ('\t' or '\n' or '\r' or 0x85)
           select (char)code,
        '\uFFFE', '\uFFFF',
    ]);

    public static ReadOnlySpan<byte> Utf8Mark => [0xEF, 0xBB, 0xBF];

    /// <summary>Names an encoding that is not UTF-8 by its byte order mark; null when there is none.</summary>
    public static string? ForeignEncoding(ReadOnlySpan<byte> content) => content switch
    {
        [0xFF, 0xFE, 0, 0, ..] or [0, 0, 0xFE, 0xFF, ..] => "UTF-32",
        [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..] => "UTF-16",
        _ => null,
    };

    public static string? Decode(ReadOnlySpan<byte> bytes, string file, int firstLine, out Diagnostic? fault)
    {
        string text = Encoding.UTF8.GetString(bytes);
        fault = Utf8.IsValid(bytes) && !text.AsSpan().ContainsAny(Controls) ? null : Explain(bytes, file, firstLine);
        return fault is null ? text : null;
    }

    /// <summary>How many lines of a text have an end.</summary>
    public static int CountLineEnds(ReadOnlySpan<char> text) => text.Count('\n') + text.Count('\r') - text.Count("\r\n");

    private static Diagnostic Explain(ReadOnlySpan<byte> bytes, string file, int firstLine)
    {
        char[] buffer = new char[bytes.Length];
        _ = Utf8.ToUtf16(bytes, buffer, out int read, out int written, replaceInvalidSequences: false);
        ReadOnlySpan<char> text = buffer.AsSpan(0, written);
        int control = text.IndexOfAny(Controls);
        ReadOnlySpan<char> before = control >= 0 ? text[..control] : text;
        SourceLocation location = new(file, firstLine + CountLineEnds(before), before.Length - before.LastIndexOfAny('\n', '\r'));
        return new Diagnostic(location, "", control >= 0
            ? $"the control character U+{(int)text[control]:X4} is not allowed in YAML"
            : $"the byte 0x{bytes[read]:x2} is not valid UTF-8; save the file in UTF-8");
    }
}
