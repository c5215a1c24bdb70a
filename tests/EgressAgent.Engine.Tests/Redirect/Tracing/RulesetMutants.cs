using System.Text.RegularExpressions;
using EgressAgent.Testing.Tracing;

namespace EgressAgent.Engine.Tests.Redirect.Tracing;

/// <summary>Rulesets that differ from one in one place.</summary>
internal static partial class RulesetMutants
{
    /// <summary>
    /// A rule left out, a match left out, a value of a set left out, a verdict turned into its opposite, a policy likewise. Each with what
    /// was done to which command.
    /// </summary>
    public static IEnumerable<(string Change, string Script)> Of(string script)
    {
        string[] commands = script.Split('\n');
        IEnumerable<TracedRule> rules = TracedRuleset.Parse(script).Chains.Values.SelectMany(chain => chain.Rules);
        IEnumerable<string> chains = commands.Where(command => command.StartsWith("add chain", StringComparison.Ordinal));
        return rules.SelectMany(OfRule).Concat(chains.SelectMany(command => Opposite(command)
                .Select(mutant => mutant with { Change = $"{command.Split(' ')[4]}: policy | the opposite" })))
            .Select(mutant => (mutant.Change, script.Replace(mutant.Command + "\n", mutant.Replacement)));
    }

    private static IEnumerable<(string Command, string Change, string Replacement)> OfRule(TracedRule rule)
    {
        string name = $"{rule.Chain}: {string.Join(' ', rule.Statements.Select(statement => statement.Text))}";
        yield return (rule.Command, $"{name} | without it", "");
        for (int i = 0; i < rule.Statements.Count; i++)
        {
            TracedStatement statement = rule.Statements[i];
            string[] before = [.. rule.Statements.Take(i).Select(other => other.Text)];
            string[] after = [.. rule.Statements.Skip(i + 1).Select(other => other.Text)];
            if (statement.IsMatch)
            {
                yield return (rule.Command, $"{name} | without {statement.Text}", With());
            }

            foreach (string value in Values(statement.Text))
            {
                yield return (rule.Command, $"{name} | without {value}", With(ValuePattern(value).Replace(statement.Text, "", 1)));
            }

            string With(params string[] replacement) =>
                $"add rule inet egress_agent {rule.Chain} {string.Join(' ', [.. before, .. replacement, .. after])}\n";
        }

        foreach (var opposite in Opposite(rule.Command))
        {
            yield return opposite with { Change = $"{name} | the opposite" };
        }
    }

    private static IEnumerable<(string Command, string Change, string Replacement)> Opposite(string command)
    {
        string opposite = VerdictPattern().Replace(command, match => match.Value == "accept" ? "drop" : "accept", 1);
        if (opposite != command)
        {
            yield return (command, $"{command} | the opposite", opposite + "\n");
        }
    }

    private static string[] Values(string statement) =>
        statement.Split(" { ") is [_, string set] && set.Split(" , ") is { Length: > 1 } values ? [.. values.Select(value => value.TrimEnd(' ', '}'))] : [];

    private static Regex ValuePattern(string value) => new($"{Regex.Escape(value)} , |, {Regex.Escape(value)} ");

    [GeneratedRegex(@"\b(accept|drop|jump refuse|reject with .*)\b(?=[^""]*(""[^""]*""[^""]*)*$)")]
    private static partial Regex VerdictPattern();
}
