using System.Text.RegularExpressions;

namespace EgressAgent.Model.Yaml;

/// <summary>Tells values that somebody has yet to put in from values that are wrong.</summary>
internal static partial class Placeholder
{
    /// <summary>What to do about a text that is, or holds, a placeholder; null when it does not.</summary>
    public static string? Explain(string text)
    {
        Match parameter = Parameter().Match(text);
        if (parameter.Success)
        {
            return $"{YamlScalar.Quote(parameter.Value)} is a parameter of a template; process the template first (oc process, envsubst, helm template)";
        }

        return FromDocumentation().IsMatch(text)
            ? $"{YamlScalar.Quote(text)} is a placeholder of the documentation; put your own value in its place"
            : null;
    }

    /// <summary>The column (from 1) of a template's parameter in a line; null when there is none.</summary>
    public static int? FindParameter(string line) => Parameter().Match(line) is { Success: true } match ? match.Index + 1 : null;

    [GeneratedRegex(@"\$\{\{?[A-Za-z_][A-Za-z0-9_]*\}|\{\{-? *[.$A-Za-z_][^{}]*\}\}", RegexOptions.CultureInvariant)]
    private static partial Regex Parameter();

    [GeneratedRegex(@"^<[A-Za-z][A-Za-z0-9_ -]*>\z", RegexOptions.CultureInvariant)]
    private static partial Regex FromDocumentation();
}
