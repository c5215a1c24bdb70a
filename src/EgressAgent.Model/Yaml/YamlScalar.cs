namespace EgressAgent.Model.Yaml;

/// <summary>A single value.</summary>
internal sealed class YamlScalar : YamlNode
{
    private const int LongestQuotation = 64;

    public YamlScalar(SourceLocation location, string text, YamlScalarKind kind, bool isPlain)
        : base(location)
    {
        Text = text;
        Kind = kind;
        IsPlain = isPlain;
    }

    /// <summary>The value without its quotes.</summary>
    public string Text { get; }

    public YamlScalarKind Kind { get; }

    /// <summary>Written without quotes and without a tag.</summary>
    public bool IsPlain { get; }

    public bool IsNull => Kind == YamlScalarKind.Null;

    /// <summary>For a message: on one line, and cut to a readable length.</summary>
    public static string Quote(string text) => text.Length == 0 ? "an empty text" : $"`{Shorten(text)}`";

    /// <inheritdoc cref="Quote"/>
    public static string Shorten(string text)
    {
        string line = text.AsSpan().ContainsAnyExceptInRange(' ', char.MaxValue) ? string.Concat(text.Select(Visible)) : text;
        return line.Length <= LongestQuotation ? line : $"{line[..LongestQuotation]}…";
    }

    public override string Describe() => Kind switch
    {
        YamlScalarKind.Null => "null",
        YamlScalarKind.Boolean => $"the boolean {Quote(Text)}",
        YamlScalarKind.Integer or YamlScalarKind.Float => $"the number {Quote(Text)}",
        _ => Text.Length == 0 ? Quote(Text) : $"the text {Quote(Text)}",
    };

    private static string Visible(char character) => character switch
    {
        '\n' => "\\n",
        '\t' => "\\t",
        < ' ' => "\uFFFD",
        _ => character.ToString(),
    };
}

/// <summary>What a scalar is read as, by the parser that Kubernetes uses.</summary>
internal enum YamlScalarKind : byte
{
    Text,
    Integer,
    Float,
    Boolean,
    Null,

    /// <summary>It was reported already; readers say nothing more about it.</summary>
    Faulty,
}
