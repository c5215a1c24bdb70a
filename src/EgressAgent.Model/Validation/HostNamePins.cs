using EgressAgent.Model.Addressing;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>The names of partners that lead to a Service, <c>egressagent.org/hostnames</c>.</summary>
/// <param name="Field">The annotation.</param>
/// <param name="Names">Each once.</param>
internal sealed record HostNamePins(Field Field, ValueList<string> Names)
{
    /// <summary>Reads the annotation; what is wrong with the annotation is reported, and left out.</summary>
    public static HostNamePins Read(Field field)
    {
        List<string> names = [];
        foreach (string name in field.ReadText("names of hosts, separated by commas")?.Split(',', StringSplitOptions.TrimEntries) ?? [])
        {
            if (WhyNot(name) is { } fault)
            {
                field.Error(fault);
            }
            else if (names.Contains(name))
            {
                field.Error($"{name} is listed twice");
            }
            else
            {
                names.Add(name);
            }
        }

        return new HostNamePins(field, names.ToValueList());
    }

    private static string? WhyNot(string name) => name switch
    {
        _ when name.StartsWith("*.", StringComparison.Ordinal) => $"must be whole names, not {YamlScalar.Quote(name)}: a hosts file has no wildcards",
        _ when IpAddresses.TryParseStrict(name, out _) || name.All(character => char.IsAsciiDigit(character) || character == '.')
            => $"must be names, not the address {YamlScalar.Quote(name)}",
        "localhost" => "must not be `localhost`, which is the node itself",
        _ when name.EndsWith(".localhost", StringComparison.Ordinal) => $"must not be {YamlScalar.Quote(name)}, which is the node itself (RFC 6761)",
        _ when !KubernetesNames.IsSubdomain(name) => $"must be names of hosts, {KubernetesNames.SubdomainRule}, not {YamlScalar.Quote(name)}",
        _ => null,
    };
}
