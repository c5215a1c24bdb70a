using EgressAgent.Model.Description;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Reads <c>spec.ports</c> of a Service.</summary>
internal sealed class ServicePortReader
{
    private readonly Dictionary<(TransportProtocol, int), int> _lines = [];
    private readonly Dictionary<string, int> _names = new(StringComparer.Ordinal);

    private ServicePortReader()
    {
    }

    public static ValueList<MarkedPort> Read(Field field)
    {
        ServicePortReader reader = new();
        IReadOnlyList<Field> items = field.ReadList("a list of ports") ?? [];
        return items.Select(item => reader.ReadPort(item, isOneOfSeveral: items.Count > 1)).OfType<MarkedPort>().ToValueList();
    }

    private MarkedPort? ReadPort(Field item, bool isOneOfSeveral)
    {
        if (item.ReadFields() is not { } fields)
        {
            return null;
        }

        Field? nameField = isOneOfSeveral
            ? fields.Required(ServiceFields.PortName.Name, "a name, since there are several ports")
            : fields.Read(ServiceFields.PortName);
        Field? protocolField = fields.Read(ServiceFields.Protocol);
        Field? portField = fields.Read(ServiceFields.Port);
        Field? targetPortField = fields.Read(ServiceFields.TargetPort);
        fields.Refuse("nodePort", "belongs to type NodePort, which is not served; `externalIPs` are addresses for other machines");
        fields.Ignore("appProtocol");
        fields.Close();

        string? name = nameField is { } given ? ReadName(given, isOneOfSeveral) : "";
        TransportProtocol? protocol = protocolField is null ? TransportProtocol.TCP : protocolField.Value.ReadChoice(RouterChoices.Protocols);
        int? port = portField?.ReadInteger(ServiceFields.Port);
        int? targetPort = targetPortField is { } target ? ReadTargetPort(target) : port;
        if (protocol is { } taken && port is { } number && !_lines.TryAdd((taken, number), portField!.Value.Location.Line))
        {
            portField.Value.Error($"{taken} port {number} is taken by the port in line {_lines[(taken, number)]}");
        }

        return name is null || protocol is null || port is null || targetPort is null
            ? null
            : new MarkedPort(
                new ServicePortSpec(name, protocol.Value, (ushort)port, (ushort)targetPort), MarkedValue.Of(targetPortField ?? portField!.Value));
    }

    private string? ReadName(Field field, bool isOneOfSeveral)
    {
        if (field.ReadText("the name of the port") is not { } name)
        {
            return null;
        }

        if (name.Length == 0 && isOneOfSeveral)
        {
            field.Error("must not be empty, since there are several ports");
        }
        else if (name.Length > 0 && !KubernetesNames.IsDnsLabel(name))
        {
            field.Error($"must be {KubernetesNames.DnsLabelRule}, not {YamlScalar.Quote(name)}");
        }
        else if (name.Length > 0 && !_names.TryAdd(name, field.Location.Line))
        {
            field.Error($"{YamlScalar.Quote(name)} is the name of the port in line {_names[name]} already");
        }

        return name;
    }

    private static int? ReadTargetPort(Field field)
    {
        if (field.Node is YamlScalar { Kind: YamlScalarKind.Text, Text: var text } && KubernetesNames.IsDnsLabel(text) && text.Any(char.IsAsciiLetter))
        {
            field.Error($"must be a number, not {YamlScalar.Quote(text)}: a name is one of a container's ports, and a router has none");
            return null;
        }

        return field.ReadInteger(ServiceFields.TargetPort);
    }
}
