using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace EgressAgent.Model.Yaml;

/// <summary>
/// Says what stopped the YAML parser in words that tell what to change. The parser's own texts name the grammar rule that
/// failed, and its position is often that of the token before.
/// </summary>
/// <param name="text">What was parsed.</param>
/// <param name="last">The last event before the failure.</param>
/// <param name="openBracket">Where the innermost <c>{</c> or <c>[</c> stands that is still open.</param>
internal sealed class YamlSyntaxExplainer(string text, ParsingEvent? last, Mark? openBracket)
{
    private readonly string[] _lines = text.Split('\n');

    /// <param name="exception">What the parser threw.</param>
    /// <param name="locate">Turns a place in the text into one in the file.</param>
    public Diagnostic Explain(Exception exception, Func<Mark, SourceLocation> locate)
    {
        (Mark mark, string message) = Describe(exception, exception as YamlException, line => locate(line).Line);
        return new Diagnostic(locate(mark), "", message);
    }

    private (Mark Mark, string Message) Describe(Exception exception, YamlException? positioned, Func<Mark, int> lineOf)
    {
        Mark start = positioned?.Start ?? last?.End ?? new Mark(0, 1, 1);
        bool Says(string words) => exception.Message.Contains(words, StringComparison.Ordinal);

        // In a flow collection the braces of a parameter are syntax.
        if (Placeholder.FindParameter(LineOf(start)) is { } column)
        {
            return (new Mark(0, start.Line, column), Placeholder.Explain(LineOf(start))!);
        }

        if (Says("quoted scalar"))
        {
            return (start, ExplainQuoted(exception.Message));
        }

        if (openBracket is { } bracket)
        {
            char opening = CharAt(bracket);
            string opened = $"the `{opening}` in line {lineOf(bracket)}, column {bracket.Column}";
            return exception switch
            {
                InvalidOperationException => (bracket, $"the `{opening}` opened here is never closed"),
                _ when IsBehindText(start) => (bracket, $"the `{opening}` opened here is never closed"),
                _ when Says("did not find expected ',' or")
                    => (start, $"expected `,` or `{(opening == '{' ? '}' : ']')}` here: {opened} is still open"),
                _ => (start, $"unexpected {Excerpt(start)} inside of {opened}"),
            };
        }

        long lastSuspect = Says("tab") ? _lines.Length : Math.Max(start.Line, positioned?.End.Line ?? 1) + 1;
        if (FindIndentingTab(last?.Start.Line ?? 1, lastSuspect) is { } tab)
        {
            return (tab, "tabs are not allowed for indentation; use spaces");
        }

        return (start, exception.Message switch
        {
            _ when exception is ArgumentException => "an escape in double quotes stands for no Unicode character",
            _ when Says("found invalid mapping") || Says("Mapping values are not allowed") => ExplainColon(start),
            _ when Says("did not find expected key") => ExplainMissingKey(start),
            _ when Says("did not find expected '-'") => "expected a list item, `- …`, indented like those above",
            _ when Says("Block sequence entries")
                => "a list item, `- …`, must begin on a line of its own; quote a value that begins with `-`",
            _ when Says("cannot start any token") => $"a value that begins with {Excerpt(start)} must be quoted",
            _ when Says("anchor or alias") => "`&` and `*` begin the name of an anchor or alias; quote the value if it is meant as text",
            _ when Says("tag handle") => "the tag is not defined; quote the value if it begins with `!`",
            _ when Says("expected ':'") => "expected `:` after this key",
            _ when Says("incompatible YAML") => "the %YAML directive names a version that is not supported; leave it out",
            { Length: > 1 } other => $"not valid YAML: {char.ToLower(other[0], CultureInfo.InvariantCulture)}{other[1..].TrimEnd('.')}",
            _ => "not valid YAML",
        });
    }

    private static string ExplainQuoted(string message) => message switch
    {
        _ when message.Contains("unknown escape", StringComparison.Ordinal)
            => "this text in double quotes holds a `\\` that begins no escape; write `\\\\`, or use single quotes",
        _ when message.Contains("Unicode", StringComparison.Ordinal) || message.Contains("hexadecimal", StringComparison.Ordinal)
            => "an escape in this text in double quotes stands for no Unicode character",
        _ => "the quote opened here is not closed",
    };

    private string ExplainColon(Mark start) => last is not null && last.End.Line == start.Line
        ? "a value that contains `: ` or ends in `:` must be quoted"
        : "unexpected `:` here; is the line indented like its siblings, and is the line above complete?";

    private string ExplainMissingKey(Mark start)
    {
        bool beginsLine = LineOf(start).AsSpan(0, (int)start.Column - 1).IsWhiteSpace();
        return (beginsLine, CharAt(start)) switch
        {
            (true, '-') => "this item is indented unlike every list above",
            (true, _) => "expected `key: value` here, indented like the keys above",
            (false, ']' or '}') => $"the {Excerpt(start)} closes nothing",
            (false, _) => $"unexpected {Excerpt(start)} after the value; quote the value as a whole",
        };
    }

    private Mark? FindIndentingTab(long from, long to)
    {
        for (long number = Math.Max(from, 1); number <= Math.Min(to, _lines.Length); number++)
        {
            string line = _lines[number - 1];
            string content = line.TrimStart(' ', '\t');
            int tab = line.AsSpan(0, line.Length - content.Length).IndexOf('\t');
            if (tab >= 0 && content.Length > 0 && content[0] is not ('#' or '\r'))
            {
                return new Mark(0, number, tab + 1);
            }
        }

        return null;
    }

    private string Excerpt(Mark mark) => CharAt(mark) is var found && found is ' ' or '\r' ? "end of line" : $"`{found}`";

    private char CharAt(Mark mark) => LineOf(mark)[(int)mark.Column - 1];

    private bool IsBehindText(Mark mark) =>
        mark.Line > _lines.Length || (mark.Line == _lines.Length && LineOf(mark).AsSpan((int)mark.Column - 1).IsWhiteSpace());

    /// <summary>The line of a mark: blank behind the end of the text, and never shorter than the mark's column.</summary>
    private string LineOf(Mark mark) =>
        (mark.Line >= 1 && mark.Line <= _lines.Length ? _lines[mark.Line - 1] : "").PadRight((int)mark.Column);
}
