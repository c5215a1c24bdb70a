using System.Globalization;
using System.Text.RegularExpressions;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Configuration;

/// <summary>Reads spans of time as Kubernetes and systemd write them: <c>30s</c>, <c>500ms</c>, <c>1m30s</c>.</summary>
internal static partial class DurationText
{
    /// <summary>A span from zero to a maximum of whole hours, or null after the fault was reported.</summary>
    public static TimeSpan? Read(Field field, TimeSpan maximum)
    {
        string hours = maximum.TotalHours.ToString(CultureInfo.InvariantCulture);
        string what = $"a time from `0s` to `{hours}h`, such as `500ms`, `30s` or `1m30s`";
        if (field.Node is YamlScalar { Kind: YamlScalarKind.Integer } number)
        {
            field.Error($"must be {what}; {YamlScalar.Quote(number.Text)} needs a unit");
            return null;
        }

        if (field.ReadText(what) is not { } text)
        {
            return null;
        }

        if (TryParse(text, maximum) is { } duration)
        {
            return duration;
        }

        field.Error($"must be {what}, not {YamlScalar.Quote(text)}");
        return null;
    }

    private static TimeSpan? TryParse(string text, TimeSpan maximum)
    {
        Match match = Syntax().Match(text);
        if (!match.Success)
        {
            return null;
        }

        double milliseconds = Part("h", 3_600_000) + Part("m", 60_000) + Part("s", 1_000) + Part("ms", 1);
        return milliseconds <= maximum.TotalMilliseconds ? TimeSpan.FromMilliseconds(milliseconds) : null;

        double Part(string unit, int factor) => match.Groups[unit] is { Success: true } number
            ? double.Parse(number.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture) * factor
            : 0;
    }

    [GeneratedRegex(
        @"^(?=.)((?<h>[0-9]+)h)?((?<m>[0-9]+)m(?!s))?((?<s>[0-9]+)s)?((?<ms>[0-9]+)ms)?\z",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Syntax();
}
