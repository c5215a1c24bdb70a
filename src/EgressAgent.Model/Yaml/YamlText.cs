using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace EgressAgent.Model.Yaml;

/// <summary>Writes a JSON document as block-style YAML, as <c>kubectl get -o yaml</c> does.</summary>
public static partial class YamlText
{
    /// <summary>Equal documents give equal texts. A text stays a text for every reader, of YAML 1.1 too.</summary>
    public static string Of(JsonElement document)
    {
        StringBuilder text = new();
        WriteBlock(text, document, 0);
        return text.ToString();
    }

    private static void WriteBlock(StringBuilder text, JsonElement value, int depth)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement item in value.EnumerateArray())
            {
                WriteItem(text, item, depth);
            }

            return;
        }

        foreach (JsonProperty property in value.EnumerateObject())
        {
            Indent(text, depth);
            WriteField(text, property, depth);
        }
    }

    private static void WriteField(StringBuilder text, JsonProperty property, int depth)
    {
        text.Append(Scalar(property.Name)).Append(':');
        if (IsBlock(property.Value))
        {
            text.Append('\n');
            WriteBlock(text, property.Value, property.Value.ValueKind == JsonValueKind.Array ? depth : depth + 1);
        }
        else
        {
            text.Append(' ').Append(Inline(property.Value)).Append('\n');
        }
    }

    private static void WriteItem(StringBuilder text, JsonElement item, int depth)
    {
        Indent(text, depth);
        text.Append("- ");
        if (IsBlock(item))
        {
            WriteBlock(text, item, depth + 1);
        }
        else
        {
            text.Append(Inline(item)).Append('\n');
        }
    }

    // What is first in a list's item stands behind its dash. A line ends with its end, so that nothing else ends like that.
    private static void Indent(StringBuilder text, int depth) => text.Append(' ', text is { Length: > 0 } && text[^1] == ' ' ? 0 : depth * 2);

    private static bool IsBlock(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => value.EnumerateObject().Any(),
        JsonValueKind.Array => value.GetArrayLength() > 0,
        _ => false,
    };

    private static string Inline(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "{}",
        JsonValueKind.Array => "[]",
        JsonValueKind.String => Scalar(value.GetString()!),
        _ => value.GetRawText(),
    };

    private static string Scalar(string value) => Plain().IsMatch(value) && !Meant().IsMatch(value) ? value : Quote(value);

    private static string Quote(string value)
    {
        StringBuilder quoted = new("\"");
        foreach (Rune rune in value.EnumerateRunes())
        {
            quoted.Append(rune.Value switch
            {
                '"' or '\\' => $"\\{rune}",
                >= ' ' and < 0x7F => rune.ToString(),
                _ => string.Create(CultureInfo.InvariantCulture, $"\\U{rune.Value:X8}"),
            });
        }

        return quoted.Append('"').ToString();
    }

    [GeneratedRegex(@"^[A-Za-z][A-Za-z0-9._/-]*\z")]
    private static partial Regex Plain();

    // What would be read as a truth value or as nothing.
    [GeneratedRegex(@"^(y|n|yes|no|on|off|true|false|null)\z", RegexOptions.IgnoreCase)]
    private static partial Regex Meant();
}
