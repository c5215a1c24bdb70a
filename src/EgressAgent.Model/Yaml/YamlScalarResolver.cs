using System.Text.RegularExpressions;

namespace EgressAgent.Model.Yaml;

/// <summary>
/// Tells what an unquoted scalar is read as: by the rules of YAML 1.1 as sigs.k8s.io/yaml applies them, so that a value means
/// here what it means to Kubernetes (<c>yes</c> is a boolean, <c>1e3</c> is a number).
/// </summary>
internal static partial class YamlScalarResolver
{
    public static YamlScalarKind Resolve(string plain) => plain switch
    {
        "" or "~" or "null" or "Null" or "NULL" => YamlScalarKind.Null,
        "y" or "Y" or "yes" or "Yes" or "YES" or "true" or "True" or "TRUE" or "on" or "On" or "ON" => YamlScalarKind.Boolean,
        "n" or "N" or "no" or "No" or "NO" or "false" or "False" or "FALSE" or "off" or "Off" or "OFF" => YamlScalarKind.Boolean,
        _ when !MayBeNumber(plain[0]) => YamlScalarKind.Text,
        _ when Integer().IsMatch(plain) => YamlScalarKind.Integer,
        _ when Float().IsMatch(plain) => YamlScalarKind.Float,
        _ => YamlScalarKind.Text,
    };

    public static bool IsTrue(string boolean) => boolean[0] is 'y' or 'Y' or 't' or 'T' || boolean is "on" or "On" or "ON";

    private static bool MayBeNumber(char first) => char.IsAsciiDigit(first) || first is '-' or '+' or '.';

    [GeneratedRegex(@"^[-+]?(0x[0-9A-Fa-f_]+|0o[0-7_]+|0b[01_]+|[0-9][0-9_]*)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Integer();

    [GeneratedRegex(@"^[-+]?(\.?[0-9][0-9_]*|[0-9][0-9_]*\.[0-9_]*)([eE][-+]?[0-9]+)?\z|^[-+]?\.(inf|Inf|INF)\z|^\.(nan|NaN|NAN)\z",
        RegexOptions.CultureInvariant)]
    private static partial Regex Float();
}
