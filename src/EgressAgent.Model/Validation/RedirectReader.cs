using System.Net;
using EgressAgent.Model.Description;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Reads <c>spec.redirect</c>.</summary>
internal sealed class RedirectReader(ReservedAddresses addresses)
{
    private const int HttpsPort = 443;

    private const string WayOutForHttps =
        "; two HTTPS partners cannot share a port of one router: give the second one a port, or a router, of its own";

    private readonly Dictionary<(TransportProtocol, int), int> _lines = [];

    private readonly List<SourceLocation> _destinations = [];

    public (ValueList<RedirectRuleSpec> Rules, IPAddress? Fallback) Read(Field? redirect, out RedirectPlaces places)
    {
        places = RedirectPlaces.None;
        if (redirect?.ReadFields() is not { } fields)
        {
            return ([], null);
        }

        Field? rulesField = fields.Read(RouterFields.RedirectRules);
        Field? fallbackField = fields.Read(RouterFields.FallbackIp);
        bool isUnderstood = fields.Close();

        IReadOnlyList<Field> items = rulesField?.ReadList("a list of rules") ?? [];
        ValueList<RedirectRuleSpec> rules = items.Select(ReadRule).OfType<RedirectRuleSpec>().ToValueList();
        if (isUnderstood && fallbackField is null && (rulesField is null || rulesField.Value.Node is YamlSequence { Items.Count: 0 }))
        {
            redirect.Value.Warn("has neither `redirectRules` nor `fallbackIP`, so all traffic is rejected");
        }

        places = new RedirectPlaces(_destinations.ToValueList(), fallbackField?.Location);
        return (rules, fallbackField is { } field ? ReadDestination(field) : null);
    }

    private RedirectRuleSpec? ReadRule(Field item)
    {
        if (item.ReadFields() is not { } fields)
        {
            return null;
        }

        Field? destinationField = fields.Read(RouterFields.DestinationIp);
        Field? portField = fields.Read(RouterFields.Port);
        Field? protocolField = fields.Read(RouterFields.Protocol);
        Field? targetPortField = fields.Read(RouterFields.TargetPort);
        fields.Close();

        IPAddress? destination = destinationField is { } field ? ReadDestination(field) : null;
        int? port = portField?.ReadInteger(RouterFields.Port);
        TransportProtocol? protocol = protocolField?.ReadChoice(RouterChoices.Protocols);
        int? targetPort = targetPortField is null ? port : targetPortField.Value.ReadInteger(RouterFields.TargetPort);
        if (protocol is { } taken && port is { } number && !_lines.TryAdd((taken, number), portField!.Value.Location.Line))
        {
            string hint = taken == TransportProtocol.TCP && (targetPort ?? number) == HttpsPort ? WayOutForHttps : "";
            portField.Value.Error($"{taken} port {number} is taken by the rule in line {_lines[(taken, number)]}{hint}");
        }

        if (destination is null || port is null || protocol is null || targetPort is null)
        {
            return null;
        }

        _destinations.Add(destinationField!.Value.Location);
        return new RedirectRuleSpec(protocol.Value, (ushort)port, destination, (ushort)targetPort);
    }

    private IPAddress? ReadDestination(Field field)
    {
        IPAddress? destination = AddressText.ReadAddress(field);
        if (destination is not null && addresses.WhyNotDestination(destination) is { } fault)
        {
            field.Error(fault);
            return null;
        }

        return destination;
    }
}
