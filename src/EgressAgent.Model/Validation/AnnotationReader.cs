using System.Net.NetworkInformation;
using System.Text.RegularExpressions;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Reads <c>metadata.annotations</c>: those under <c>egressagent.org/</c> are the agent's, all others are left alone.</summary>
internal static partial class AnnotationReader
{
    public static AnnotationSettings Read(Field annotations, ResourceKind kind)
    {
        ValueList<string> served = kind == ResourceKind.EgressRouter ? RouterAnnotations.All : ServiceAnnotations.All;
        AnnotationSettings settings = AnnotationSettings.None;
        Dictionary<string, int> lines = new(StringComparer.Ordinal);
        foreach ((YamlScalar key, Field value) in StringMapReader.Read(annotations, FoldPrefix))
        {
            string name = FoldPrefix(key.Text);
            if (!lines.TryAdd(name, key.Location.Line))
            {
                value.Faults.Error(key.Location, value.Path, $"is given twice, first in line {lines[name]}: the case of the prefix does not matter");
            }

            switch (name)
            {
                case var unknown when unknown.StartsWith(RouterAnnotations.Prefix, StringComparison.Ordinal) && !served.Contains(unknown):
                    value.Faults.Error(key.Location, value.Path, $"unknown annotation{Hint(unknown, served)}");
                    break;
                case RouterAnnotations.Datapath:
                    settings = settings with { Datapath = value.ReadChoice(RouterChoices.Datapaths) };
                    break;
                case RouterAnnotations.Failover:
                    settings = settings with { Failover = value.ReadChoice(RouterChoices.Failovers) ?? FailoverMode.None };
                    break;
                case RouterAnnotations.FlowLog:
                    settings = settings with { FlowLog = value.ReadChoice(RouterChoices.FlowLogs) };
                    break;
                case RouterAnnotations.FlowOffload:
                    settings = settings with { FlowOffload = value.ReadChoice(RouterChoices.FlowOffloads) };
                    break;
                case RouterAnnotations.Clients:
                    settings = settings with { Clients = ClientsReader.ReadText(value) };
                    break;
                case RouterAnnotations.InsideAddress:
                    settings = settings with { InsideAddresses = InsideAddressPins.Read(value) };
                    break;
                case RouterAnnotations.LocalProcesses:
                    settings = settings with { LocalProcesses = value.ReadChoice(RouterChoices.LocalProcesses) ?? LocalProcesses.Allow };
                    break;
                case RouterAnnotations.MacAddress:
                    settings = settings with { MacAddress = ReadMacAddress(value) };
                    break;
                case RouterAnnotations.PassthruTakesTheNode:
                    settings = settings with { PassthruTakesTheNode = value.ReadChoice(RouterChoices.TruthTexts) ?? false };
                    break;
                case ServiceAnnotations.HostNames:
                    settings = settings with { HostNames = HostNamePins.Read(value) };
                    break;
                default:
                    _ = value.ReadText("a text", isAnyText: true);
                    break;
            }
        }

        return settings;
    }

    // Kubernetes looks at the prefix in lower case.
    private static string FoldPrefix(string key) =>
        key.IndexOf('/') is var slash and > 0 ? key[..slash].ToLowerInvariant() + key[slash..] : key;

    private static string Hint(string unknown, ValueList<string> served)
    {
        int prefix = RouterAnnotations.Prefix.Length;
        return Suggestion.Nearest(unknown[prefix..], served.Select(known => known[prefix..])) is { } nearest
            ? $"; did you mean `{RouterAnnotations.Prefix}{nearest}`?"
            : $"; allowed here: {string.Join(", ", served)}";
    }

    private static PhysicalAddress? ReadMacAddress(Field field)
    {
        const string what = "a MAC address, such as `02:00:5e:10:00:01`";
        if (field.ReadText(what) is not { } text)
        {
            return null;
        }

        if (!MacAddressSyntax().IsMatch(text))
        {
            field.Error($"must be {what}, not {YamlScalar.Quote(text)}");
            return null;
        }

        byte[] octets = Convert.FromHexString(text.Replace(":", "", StringComparison.Ordinal));
        if ((octets[0] & 1) != 0 || octets.All(octet => octet == 0))
        {
            string group = octets[0] == 0 ? "is all zeros" : "has the multicast bit set in its first octet";
            field.Error($"must be the MAC address of one host; `{text}` {group}");
            return null;
        }

        return new PhysicalAddress(octets);
    }

    [GeneratedRegex("^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}\\z", RegexOptions.CultureInvariant)]
    private static partial Regex MacAddressSyntax();
}
