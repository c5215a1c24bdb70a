using System.Net;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Description;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Reads <c>spec.addresses</c>.</summary>
internal sealed class AddressesReader
{
    private readonly Dictionary<IPAddress, int> _lines = [];

    private AddressesReader()
    {
    }

    /// <param name="field">Null when it is missing, which was reported.</param>
    public static ReservedAddresses Read(Field? field)
    {
        if (field?.ReadList("a list of addresses") is not { } items)
        {
            return ReservedAddresses.Unread;
        }

        if (items.Count == 0)
        {
            field.Value.Error("needs at least one address");
            return ReservedAddresses.Unread;
        }

        AddressesReader reader = new();
        List<AddressSpec> addresses = [];
        List<SourceLocation> locations = [];
        List<SourceLocation> gateways = [];
        foreach (Field item in items)
        {
            if (reader.ReadItem(item, out SourceLocation location, out SourceLocation gateway) is { } address)
            {
                addresses.Add(address);
                locations.Add(location);
                gateways.Add(gateway);
            }
        }

        return new ReservedAddresses(addresses.ToValueList(), locations.ToValueList(), gateways.ToValueList(), IsComplete: addresses.Count == items.Count);
    }

    private AddressSpec? ReadItem(Field item, out SourceLocation location, out SourceLocation gatewayLocation)
    {
        location = gatewayLocation = item.Location;
        if (item.ReadFields() is not { } fields)
        {
            return null;
        }

        Field? ip = fields.Read(RouterFields.Ip);
        InterfaceAddress? address = null;
        if (ip is { } ipField)
        {
            location = ipField.Location;
            address = AddressText.ReadInterfaceAddress(ipField);
            Check(ipField, address);
        }

        IPAddress? gateway = null;
        if (fields.Read(RouterFields.Gateway) is { } gatewayField)
        {
            gatewayLocation = gatewayField.Location;
            gateway = AddressText.ReadAddress(gatewayField);
            CheckGateway(gatewayField, gateway, address);
        }

        fields.Close();
        return address is null ? null : new AddressSpec(address, gateway);
    }

    private void Check(Field field, InterfaceAddress? address)
    {
        if (address is null)
        {
            return;
        }

        string? fault = HostAddresses.WhyNotUnicast(address.Address) ?? HostAddresses.WhyNotHostOf(address.Network, address.Address);
        if (fault is not null)
        {
            field.Error($"must be the address of one host; {address.Address} is {fault}");
        }
        else if (!_lines.TryAdd(address.Address, field.Location.Line))
        {
            field.Error($"{address.Address} is listed twice, first in line {_lines[address.Address]}");
        }
    }

    private static void CheckGateway(Field field, IPAddress? gateway, InterfaceAddress? address)
    {
        if (gateway is not null && WhyNotGateway(gateway, address) is { } fault)
        {
            field.Error(fault);
        }
    }

    private static string? WhyNotGateway(IPAddress gateway, InterfaceAddress? address)
    {
        if (address is not null && gateway.AddressFamily != address.Family)
        {
            return $"must be an {address.Address.FamilyName} address like {address.Address}, not {gateway}";
        }

        // An IPv6 router's usual address is its link-local one, to which the macvlan gives the scope.
        if (!gateway.IsIPv6LinkLocal && HostAddresses.WhyNotUnicast(gateway) is { } reason)
        {
            return $"must be the address of one host; {gateway} is {reason}";
        }

        if (gateway.Equals(address?.Address))
        {
            return $"must not be the reserved address {gateway} itself";
        }

        // The anycast address of an IPv6 subnet's routers does reach one of them. Outside of the subnet, any host of the link may be one.
        return address is not null && gateway.IsIPv4 && HostAddresses.WhyNotHostOf(address.Network, gateway) is { } special
            ? $"must be the address of one host; {gateway} is {special}"
            : null;
    }
}
