using System.Text.RegularExpressions;

namespace EgressAgent.Model.Validation;

/// <summary>The syntax of names and labels in Kubernetes (k8s.io/apimachinery/pkg/util/validation).</summary>
internal static partial class KubernetesNames
{
    public const string SubdomainRule =
        "lower-case letters, digits, `-` and `.`, beginning and ending with a letter or digit, at most 253 characters";

    public const string DnsLabelRule =
        "lower-case letters, digits and `-`, beginning and ending with a letter or digit, at most 63 characters";

    public const string ServiceNameRule =
        "lower-case letters, digits and `-`, beginning with a letter and ending with a letter or digit, at most 63 characters";

    public const string KeyRule =
        "a name of at most 63 letters, digits, `-`, `_` and `.`, with a DNS name and `/` before it if need be";

    public const string LabelValueRule = "at most 63 letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit";

    public static bool IsSubdomain(string text) => text.Length is > 0 and <= 253 && SubdomainSyntax().IsMatch(text);

    public static bool IsDnsLabel(string text) => text.Length is > 0 and <= 63 && DnsLabelSyntax().IsMatch(text);

    /// <summary>A label as it was before digits could begin it (RFC 1035).</summary>
    public static bool IsServiceName(string text) => IsDnsLabel(text) && char.IsAsciiLetterLower(text[0]);

    /// <summary>The key of a label or annotation: <c>name</c> or <c>dns.subdomain/name</c>.</summary>
    public static bool IsKey(string text)
    {
        int slash = text.IndexOf('/');
        return slash < 0
            ? text.Length > 0 && IsLabelValue(text)
            : IsSubdomain(text[..slash]) && text.Length > slash + 1 && IsLabelValue(text[(slash + 1)..]);
    }

    /// <summary>The value of a label may be empty.</summary>
    public static bool IsLabelValue(string text) => text.Length == 0 || (text.Length <= 63 && LabelSyntax().IsMatch(text));

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\z", RegexOptions.CultureInvariant)]
    private static partial Regex SubdomainSyntax();

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?\z", RegexOptions.CultureInvariant)]
    private static partial Regex DnsLabelSyntax();

    [GeneratedRegex(@"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?\z", RegexOptions.CultureInvariant)]
    private static partial Regex LabelSyntax();
}
