using System.Net;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Reads <c>spec.redirect</c>.</summary>
internal sealed class RedirectReader(ReservedAddresses addresses)
{
    private readonly Dictionary<(TransportProtocol, int), int> _lines = [];

    public (ValueList<RedirectRuleSpec> Rules, IPAddress? Fallback) Read(Field? redirect)
    {
        if (redirect?.ReadFields() is not { } fields)
        {
            return ([], null);
        }

        Field? rulesField = fields.Optional("redirectRules");
        Field? fallbackField = fields.Optional("fallbackIP");
        bool isUnderstood = fields.Close();

        IReadOnlyList<Field> items = rulesField?.ReadList("a list of rules") ?? [];
        ValueList<RedirectRuleSpec> rules = items.Select(ReadRule).OfType<RedirectRuleSpec>().ToValueList();
        if (isUnderstood && fallbackField is null && (rulesField is null || rulesField.Value.Node is YamlSequence { Items.Count: 0 }))
        {
            redirect.Value.Warn("has neither `redirectRules` nor `fallbackIP`, so all traffic is rejected");
        }

        return (rules, fallbackField is { } field ? ReadDestination(field) : null);
    }

    private RedirectRuleSpec? ReadRule(Field item)
    {
        if (item.ReadFields() is not { } fields)
        {
            return null;
        }

        Field? destinationField = fields.Required("destinationIP", "the IP address to redirect to");
        Field? portField = fields.Required("port", "the port on which clients connect, 1 to 65535");
        Field? protocolField = fields.Required("protocol", RouterChoices.Protocols.ToString());
        Field? targetPortField = fields.Optional("targetPort");
        fields.Close();

        IPAddress? destination = destinationField is { } field ? ReadDestination(field) : null;
        int? port = portField?.ReadInteger(1, ushort.MaxValue);
        TransportProtocol? protocol = protocolField?.ReadChoice(RouterChoices.Protocols);
        int? targetPort = targetPortField is null ? port : targetPortField.Value.ReadInteger(1, ushort.MaxValue);
        if (protocol is { } taken && port is { } number && !_lines.TryAdd((taken, number), portField!.Value.Location.Line))
        {
            portField.Value.Error($"{taken} port {number} is taken by the rule in line {_lines[(taken, number)]}");
        }

        return destination is null || port is null || protocol is null || targetPort is null
            ? null
            : new RedirectRuleSpec(protocol.Value, (ushort)port, destination, (ushort)targetPort);
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
