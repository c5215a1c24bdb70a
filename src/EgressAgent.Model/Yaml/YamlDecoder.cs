using System.Buffers;
using System.Text;
using EgressAgent.Model.Validation;

namespace EgressAgent.Model.Yaml;

/// <summary>Turns the bytes of a document into text, or says which byte is no text.</summary>
internal static class YamlDecoder
{
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
        fault = null;
        ReadOnlySpan<byte> rest = bytes;
        SourceLocation location = new(file, firstLine, 1);
        while (!rest.IsEmpty)
        {
            OperationStatus status = Rune.DecodeFromUtf8(rest, out Rune rune, out int consumed);
            if (status != OperationStatus.Done)
            {
                fault = new Diagnostic(location, "", $"the byte 0x{rest[0]:x2} is not valid UTF-8; save the file in UTF-8");
                return null;
            }

            if (IsControl(rune))
            {
                fault = new Diagnostic(location, "", $"the control character U+{rune.Value:X4} is not allowed in YAML");
                return null;
            }

            rest = rest[consumed..];
            bool endsLine = rune.Value == '\n' || (rune.Value == '\r' && !rest.StartsWith("\n"u8));
            location = endsLine
                ? location with { Line = location.Line + 1, Column = 1 }
                : location with { Column = location.Column + rune.Utf16SequenceLength };
        }

        return Encoding.UTF8.GetString(bytes);
    }

    /// <summary>What is outside of c-printable (YAML 1.2.2, 5.1).</summary>
    private static bool IsControl(Rune rune) => rune.Value switch
    {
        '\t' or '\n' or '\r' or 0x85 => false,
        < 0x20 or (>= 0x7F and < 0xA0) or 0xFFFE or 0xFFFF => true,
        _ => false,
    };
}
