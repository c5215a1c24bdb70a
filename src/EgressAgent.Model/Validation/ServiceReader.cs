using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Description;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Yaml;

namespace EgressAgent.Model.Validation;

/// <summary>Reads the <c>spec</c> of a Service. What it returns is usable only when no fault was found.</summary>
internal sealed class ServiceReader
{
    private const string NoAddress = "None";
    private const string WhatAnAddressIs = "an IP address, or `None`";
    private const string AtLeastOnePort = "at least one port, unless `clusterIP` is `None`";
    private const string LoadBalancer = "belongs to type LoadBalancer, which is not served; `externalIPs` are addresses for other machines";
    private const int DefaultAffinitySeconds = 10800;

    private static readonly ImmutableSortedDictionary<string, string> NoLabels = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    // Fields of the other types, and what they are for.
    private static readonly (string Name, string Why)[] NotServed =
    [
        ("externalName", "belongs to type ExternalName, which is not served: `egressagent.org/hostnames` lets a partner's name lead to a Service"),
        ("loadBalancerIP", LoadBalancer),
        ("loadBalancerClass", LoadBalancer),
        ("loadBalancerSourceRanges", LoadBalancer),
        ("allocateLoadBalancerNodePorts", LoadBalancer),
        ("healthCheckNodePort", LoadBalancer),
        ("trafficDistribution", "is not served: there is one node"),
    ];

    private readonly FieldReader _spec;
    private readonly List<(IPAddress Address, Field Field)> _pins = [];
    private readonly List<MarkedValue> _external = [];
    private ValueList<MarkedPort> _ports = [];
    private bool _isHeadless;

    private ServiceReader(FieldReader spec)
    {
        _spec = spec;
    }

    public static ServiceSpec? Read(FieldReader document, AnnotationSettings settings, out ServiceMarks marks)
    {
        marks = ServiceMarks.None;
        if (document.Read(ServiceFields.Spec)?.ReadFields() is not { } fields)
        {
            return null;
        }

        ServiceReader reader = new(fields);
        ServiceSpec spec = reader.Read(settings, out Field? selector);
        marks = new ServiceMarks(
            [.. reader._pins.Select(pin => MarkedValue.Of(pin.Field))],
            settings.HostNames is { } names ? MarkedValue.Of(names.Field) : null,
            selector is { } given ? MarkedValue.Of(given) : new MarkedValue(fields.Location, FieldPath.Of(fields.Path, ServiceFields.Selector.Name).ToString()),
            reader._ports)
        {
            External = [.. reader._external],
        };
        return spec;
    }

    private ServiceSpec Read(AnnotationSettings settings, out Field? selector)
    {
        ReadType();
        selector = _spec.Read(ServiceFields.Selector);
        ReadPins();
        ValueList<AddressFamily> families = ReadFamilies();
        Field? policyField = _spec.Read(ServiceFields.IpFamilyPolicy);
        FamilyPolicy policy = policyField?.ReadChoice(ServiceChoices.FamilyPolicies)
            ?? (families.Count > 1 || _pins.Count > 1 ? FamilyPolicy.RequireDualStack : FamilyPolicy.SingleStack);
        CheckFamilies(families, policy, policyField);
        Field? portsField = _isHeadless ? _spec.Read(ServiceFields.Ports) : _spec.Required(ServiceFields.Ports.Name, AtLeastOnePort);
        if (!_isHeadless && portsField is { Node: YamlSequence { Items.Count: 0 } } empty)
        {
            empty.Error($"needs {AtLeastOnePort}");
        }

        _ports = portsField is { } ports ? ServicePortReader.Read(ports) : [];

        ServiceSpec spec = new()
        {
            Selector = selector is { } labels ? LabelReader.Read(labels, NoLabels) : NoLabels,
            Ports = [.. _ports.Select(port => port.Port)],
            IsHeadless = _isHeadless,
            PinnedAddresses = [.. _pins.Select(pin => pin.Address)],
            Families = families,
            FamilyPolicy = policy,
            ExternalAddresses = ReadExternalAddresses(),
            ClientAffinity = ReadAffinity(),
            HostNames = settings.HostNames?.Names ?? [],
        };
        _spec.Ignore([.. ((MappingRule)ServiceFields.Spec.Value).Ignored]);
        foreach ((string name, string why) in NotServed)
        {
            _spec.Refuse(name, why);
        }

        _spec.Close();
        return spec;
    }

    private void ReadType()
    {
        if (_spec.Read(ServiceFields.Type) is { } field && field.ReadText("`ClusterIP`") is { } type && type != "ClusterIP")
        {
            field.Error(type switch
            {
                "NodePort" or "LoadBalancer" => $"must be `ClusterIP`: {type} is not served; `externalIPs` are addresses for other machines",
                "ExternalName" => "must be `ClusterIP`: ExternalName is not served; `egressagent.org/hostnames` lets a partner's name lead to a Service",
                _ => $"must be `ClusterIP`, not {YamlScalar.Quote(type)}",
            });
        }
    }

    // What Go writes as an empty text was not given.
    private void ReadPins()
    {
        Field? single = _spec.Read(ServiceFields.ClusterIp);
        string? first = single?.ReadText(WhatAnAddressIs);
        ReadPin(single, first);
        if (_spec.Read(ServiceFields.ClusterIps) is not { } list || list.ReadList("a list of at most two addresses") is not { } items)
        {
            return;
        }

        for (int i = 0; i < items.Count; i++)
        {
            string? text = items[i].ReadText(WhatAnAddressIs);
            if (i == 0 && first is { Length: > 0 } && text is not null && text != first)
            {
                items[i].Error($"must be {YamlScalar.Quote(first)} as in `clusterIP`, not {YamlScalar.Quote(text)}");
            }
            else if (i > 0 || first is null or "")
            {
                ReadPin(items[i], text);
            }
        }
    }

    private void ReadPin(Field? field, string? text)
    {
        if (text == NoAddress)
        {
            _isHeadless = true;
        }
        else if (text is { Length: > 0 } && ReadAddress(field!.Value, text) is { } address)
        {
            if (_pins.FirstOrDefault(pin => pin.Address.AddressFamily == address.AddressFamily).Address is { } earlier)
            {
                field.Value.Error($"{address} is a second {address.FamilyName} address beside {earlier}; a Service has one address per family");
            }
            else
            {
                _pins.Add((address, field.Value));
            }
        }
    }

    private static IPAddress? ReadAddress(Field field, string text)
    {
        string? fault = AddressText.ParseAddress(text, out IPAddress? address)
            ?? (HostAddresses.WhyNotUnicast(address!) is { } reason ? $"must be the address of one host; {address} is {reason}" : null);
        if (fault is not null)
        {
            field.Error(fault);
        }

        return fault is null ? address : null;
    }

    private ValueList<AddressFamily> ReadFamilies()
    {
        Field? field = _spec.Read(ServiceFields.IpFamilies);
        List<AddressFamily> families = [];
        foreach (Field item in field?.ReadList("a list of `IPv4` and `IPv6`") ?? [])
        {
            if (item.ReadChoice(ServiceChoices.Families) is not { } family)
            {
                continue;
            }

            if (families.Contains(family))
            {
                item.Error("is listed twice");
            }
            else
            {
                families.Add(family);
            }
        }

        return families.ToValueList();
    }

    private void CheckFamilies(ValueList<AddressFamily> families, FamilyPolicy policy, Field? policyField)
    {
        foreach ((IPAddress address, Field field) in _pins.Where(pin => families.Count > 0 && !families.Contains(pin.Address.AddressFamily)
            && policy == FamilyPolicy.SingleStack))
        {
            field.Error($"{address} is an {address.FamilyName} address, which `ipFamilies` does not name");
        }

        if (policyField is { } given && policy == FamilyPolicy.SingleStack && (families.Count > 1 || _pins.Count > 1))
        {
            given.Error("must be `PreferDualStack` or `RequireDualStack` where two families are asked for");
        }

        if (_isHeadless && _pins.Count > 0)
        {
            _pins[0].Field.Error("must be left out where another one is `None`, or the other way round");
        }
    }

    private ValueList<IPAddress> ReadExternalAddresses()
    {
        List<IPAddress> addresses = [];
        foreach (Field item in _spec.Read(ServiceFields.ExternalIps)?.ReadList("a list of addresses") ?? [])
        {
            if (item.ReadText("an IP address") is not { } text || ReadAddress(item, text) is not { } address)
            {
                continue;
            }

            if (addresses.Contains(address))
            {
                item.Error($"{address} is listed twice");
            }
            else
            {
                addresses.Add(address);
                _external.Add(MarkedValue.Of(item));
            }
        }

        return addresses.ToValueList();
    }

    private TimeSpan? ReadAffinity()
    {
        bool isByClient = _spec.Read(ServiceFields.SessionAffinity)?.ReadChoice(ServiceChoices.Affinities) ?? false;
        Field? configField = _spec.Read(ServiceFields.SessionAffinityConfig);
        int? seconds = null;
        if (configField?.ReadFields() is { } config)
        {
            if (config.Read(ServiceFields.ClientIp)?.ReadFields() is { } clientIp)
            {
                seconds = clientIp.Read(ServiceFields.TimeoutSeconds)?.ReadInteger(ServiceFields.TimeoutSeconds);
                clientIp.Close();
            }

            config.Close();
            if (!isByClient)
            {
                configField.Value.Warn("does nothing without `sessionAffinity: ClientIP`");
            }
        }

        return isByClient ? TimeSpan.FromSeconds(seconds ?? DefaultAffinitySeconds) : null;
    }
}
