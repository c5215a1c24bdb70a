using System.Globalization;
using System.Net;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Legacy;

/// <summary>
/// Reads <c>EGRESS_DESTINATION</c>: lines <c>PORT PROTOCOL ADDRESS [TARGET-PORT]</c>, empty ones and comments, and an address alone as
/// the last one, to which everything else goes.
/// </summary>
internal sealed class LegacyDestinations
{
    private readonly List<RedirectRuleSpec> _rules = [];

    private LegacyDestinations()
    {
    }

    public ValueList<RedirectRuleSpec> Rules => _rules.ToValueList();

    public IPAddress? Fallback { get; private set; }

    public static LegacyDestinations Read(Field field, string text)
    {
        LegacyDestinations destinations = new();
        if (Placeholder.Explain(text) is { } placeholder)
        {
            field.Error(placeholder);
            return destinations;
        }

        foreach (string line in text.Split('\n', StringSplitOptions.TrimEntries))
        {
            if (line.Length > 0 && line[0] != '#' && destinations.Take(line) is { } fault)
            {
                field.Error(fault);
            }
        }

        if (destinations is { _rules.Count: 0, Fallback: null } && !field.Faults.HasErrors)
        {
            field.Error($"{LegacyPod.Destination} names no destination");
        }

        return destinations;
    }

    /// <returns>What is wrong with the line.</returns>
    private string? Take(string line)
    {
        string[] words = line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        if (Fallback is not null)
        {
            return $"{YamlScalar.Quote(line)} stands behind {Fallback}, to which all else goes; an address alone must be the last line";
        }

        if (words.Length == 1)
        {
            string? fault = AddressText.ParseAddress(words[0], out IPAddress? fallback);
            Fallback = fallback;
            return fault;
        }

        if (words.Length is not (3 or 4))
        {
            return $"{YamlScalar.Quote(line)} is no line `PORT PROTOCOL ADDRESS [PORT]` and no address alone";
        }

        if (RouterChoices.Protocols.Find(words[1].ToUpperInvariant()) is not { } protocol)
        {
            return $"the protocol must be `tcp` or `udp`, not {YamlScalar.Quote(words[1])} (`{line}`)";
        }

        if (AddressText.ParseAddress(words[2], out IPAddress? destination) is { } wrong)
        {
            return $"{wrong} ({YamlScalar.Quote(line)})";
        }

        if (!TryReadPort(words[0], out ushort port) || !TryReadPort(words.Length == 4 ? words[3] : words[0], out ushort target))
        {
            return $"a port must be a whole number, 1 to 65535 ({YamlScalar.Quote(line)})";
        }

        _rules.Add(new RedirectRuleSpec(protocol, port, destination!, target));
        return null;
    }

    private static bool TryReadPort(string text, out ushort port) =>
        ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port > 0;
}
