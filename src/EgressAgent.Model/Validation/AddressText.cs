using System.Net;
using System.Text.RegularExpressions;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Reads the addresses that fields hold; a text that is none gets the message that its mistake deserves.</summary>
internal static partial class AddressText
{
    private const string AnAddress = "an IP address";

    public static IPAddress? ReadAddress(Field field)
    {
        if (field.ReadText(AnAddress) is not { } text)
        {
            return null;
        }

        if (ParseAddress(text, out IPAddress? address) is { } fault)
        {
            field.Error(fault);
        }

        return address;
    }

    /// <summary>What is wrong with a text that should be an address, or null with the address.</summary>
    public static string? ParseAddress(string text, out IPAddress? address) => IpAddresses.TryParseStrict(text, out address)
        ? null
        : text.Contains('/') && InterfaceAddress.TryParse(text, out _)
            ? $"must be a single IP address, without a prefix length, not {YamlScalar.Quote(text)}"
            : Explain(AnAddress, text);

    /// <summary><c>ADDRESS/LENGTH</c>, or a plain address for a single host.</summary>
    public static InterfaceAddress? ReadInterfaceAddress(Field field)
    {
        const string what = "an IP address with its prefix length, such as `192.168.12.99/24`";
        if (field.ReadText(what) is not { } text)
        {
            return null;
        }

        if (InterfaceAddress.TryParse(text, out InterfaceAddress? address) && address.PrefixLength > 0)
        {
            return address;
        }

        field.Error(ExplainPrefixed(what, text));
        return null;
    }

    /// <summary>What is wrong with a text that should be a network, or null with the network.</summary>
    public static string? ParseNetwork(string text, out IPNetwork network)
    {
        network = default;
        if (!InterfaceAddress.TryParse(text, out InterfaceAddress? address))
        {
            return ExplainPrefixed("a network, such as `10.0.0.0/8`", text);
        }

        network = address.Network;
        return network.BaseAddress.Equals(address.Address)
            ? null
            : $"must be a network: {YamlScalar.Quote(text)} is an address in the network `{network}`";
    }

    private static string ExplainPrefixed(string what, string text)
    {
        string[] parts = text.Split('/', 2);
        if (parts.Length == 1 || !IpAddresses.TryParseStrict(parts[0], out IPAddress? address))
        {
            return Explain(what, parts[0]);
        }

        string hint = parts[1].Contains('.') ? ", not a netmask" : $", not {YamlScalar.Quote(parts[1])}";
        return $"the prefix length after `/` must be 1 to {address.MaxPrefixLength}{hint}";
    }

    private static string Explain(string what, string text) => text switch
    {
        _ when text.AsSpan().ContainsAny(" \t\n") => $"must be {what}, without blanks, not {YamlScalar.Quote(text)}",
        _ when text.Contains('%') => $"must be {what}, without a zone, not {YamlScalar.Quote(text)}",
        _ when text.StartsWith('[') => $"must be {what}, without brackets or port, not {YamlScalar.Quote(text)}",
        _ when FourNumbers().Match(text) is { Success: true } match => match.Groups["port"].Success
            ? $"must be {what}, without a port, not {YamlScalar.Quote(text)}"
            : $"must be {what}: {YamlScalar.Quote(text)} needs four numbers, each 0 to 255 without leading zeros",
        _ when IPAddress.TryParse(text, out IPAddress? address) && address.IsIPv4MappedToIPv6
            => $"must be {what}: write {YamlScalar.Quote(text)} as the IPv4 address `{address.MapToIPv4()}`",
        _ when HostName().IsMatch(text) => $"must be {what}, not the host name {YamlScalar.Quote(text)}: names are not resolved",
        _ => $"must be {what}, not {YamlScalar.Quote(text)}",
    };

    [GeneratedRegex(@"^[0-9]+(\.[0-9]+){0,4}(?<port>:[0-9]+)?\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex FourNumbers();

    [GeneratedRegex(@"^(?=.*[A-Za-z])[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex HostName();
}
