using System.Collections.Immutable;
using System.Net;
using System.Net.NetworkInformation;
using CsCheck;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Tests;

/// <summary>Random valid routers.</summary>
internal static class RouterGen
{
    private static readonly Gen<string> DnsLabel = Gen.String[Gen.Char["abcxyz0189"], 1, 10];

    private static readonly Gen<RouterKey> Key = Gen.Select(DnsLabel, DnsLabel.Array[1, 3], (@namespace, labels) =>
        new RouterKey(@namespace, string.Join('.', labels)));

    private static readonly Gen<string> Master = Gen.OneOf(
        Gen.OneOf("eth0", "enp0s31f6", "bond0.100", "\"quoted\"", "back\\slash", "#comment", "{a}", "&x", "über", "😀", "123", "yes", "~"),
        Gen.String[Gen.Char["abc0.-_'\"\\{}[]#&*!|>%@`,?"], 1, 15].Where(name => name is not "." and not ".."));

    private static readonly Gen<ImmutableSortedDictionary<string, string>> Labels = Gen.Dictionary(
            DnsLabel.Where(key => key != RouterLabels.AppKey),
            Gen.OneOf(DnsLabel, Gen.OneOf("", "true", "12", "1e3", "A.b_c-d")))[0, 4]
        .Select(labels => RouterLabels.Default.SetItems(labels));

    private static readonly Gen<AddressSpec> AddressV4 = Gen.Select(
        Gen.Byte, Gen.Byte[2, 254], Gen.OneOf(16, 24, 32), Gen.Bool, (subnet, host, length, hasGateway) => new AddressSpec(
            new InterfaceAddress(IPAddress.Parse($"10.1.{subnet}.{host}"), length),
            hasGateway ? IPAddress.Parse($"10.1.{subnet}.1") : null));

    private static readonly Gen<AddressSpec> AddressV6 = Gen.Select(
        Gen.Byte[2, 254], Gen.OneOf(64, 120, 128), Gen.OneOf("", "fe80::1", "fd00::1"), (host, length, gateway) => new AddressSpec(
            new InterfaceAddress(IPAddress.Parse($"fd00::{host:x}"), length),
            gateway.Length == 0 ? null : IPAddress.Parse(gateway)));

    private static readonly Gen<ValueList<AddressSpec>> Addresses = Gen.OneOf(AddressV4, AddressV6).Array[1, 5]
        .Select(addresses => addresses.DistinctBy(address => address.Address.Address).ToValueList());

    private static readonly Gen<IPNetwork> Client = Gen.Select(Gen.Byte, Gen.Int[1, 32], (second, length) =>
        IPAddress.Parse($"10.{second}.255.77").ToNetwork(length));

    private static readonly Gen<ClientsSpec> Clients = Gen.Select(Gen.Bool, Client.Array[0, 4], (node, networks) =>
        new ClientsSpec(node || networks.Length == 0, networks.ToValueList()));

    private static readonly Gen<PhysicalAddress> Mac = Gen.Byte.Array[6]
        .Select(octets => new PhysicalAddress([(byte)((octets[0] & 0xFE) | 2), .. octets[1..]]));

    public static readonly Gen<EgressRouterResource> Resource =
        from key in Key
        from labels in Labels
        from spec in Spec
        select new EgressRouterResource(key, new SourceLocation(Routers.Path, 1, 1), labels, spec);

    private static Gen<EgressRouterSpec> Spec =>
        from addresses in Addresses
        from rules in Rule(addresses).Array[0, 6]
        from fallback in Gen.Null(Destination(addresses))
        from mode in Gen.Enum<MacvlanMode>()
        from master in Gen.Null(Master)
        from datapath in Gen.Nullable(Gen.Enum<DatapathKind>())
        from failover in Gen.Enum<FailoverMode>()
        from localProcesses in Gen.Enum<LocalProcesses>()
        from flowLog in Gen.Nullable(Gen.Enum<FlowLogMode>())
        from flowOffload in Gen.Nullable(Gen.Enum<FlowOffloadMode>())
        from clients in Gen.Null(Clients)
        from mac in Gen.Null(Mac)
        from pinned in Pinned(addresses)
        select new EgressRouterSpec
        {
            Addresses = addresses,
            Rules = rules.DistinctBy(rule => (rule.Protocol, rule.Port)).ToValueList(),
            FallbackIP = fallback,
            MacvlanMode = mode,
            PassthruTakesTheNode = mode == MacvlanMode.Passthru,
            Master = master,
            Datapath = datapath,
            Failover = mode == MacvlanMode.Passthru && failover == FailoverMode.Cluster ? FailoverMode.Manual : failover,
            FlowLog = flowLog,
            FlowOffload = flowOffload,
            LocalProcesses = localProcesses,
            Clients = clients,
            MacAddress = mac,
            PinnedInsideAddresses = pinned,
        };

    private static Gen<ValueList<IPAddress>> Pinned(ValueList<AddressSpec> addresses) =>
        Gen.Select(Gen.Int[0, 2], Gen.Byte[2, 254], (count, host) => addresses
            .Select(address => IPAddress.Parse(address.Address.Address.IsIPv4 ? $"198.18.0.{host}" : $"fd96:e9e5:a::{host:x}"))
            .Distinct().Take(count).ToValueList());

    private static Gen<IPAddress> Destination(ValueList<AddressSpec> addresses) =>
        Gen.Select(Gen.Int[0, addresses.Count - 1], Gen.Byte[1, 255], (index, host) =>
            IPAddress.Parse(addresses[index].Address.Address.IsIPv4 ? $"203.0.113.{host}" : $"2001:db8::{host:x}"));

    private static Gen<RedirectRuleSpec> Rule(ValueList<AddressSpec> addresses) =>
        from protocol in Gen.Enum<TransportProtocol>()
        from port in Gen.UShort[1, 65535]
        from destination in Destination(addresses)
        from target in Gen.UShort[1, 65535]
        select new RedirectRuleSpec(protocol, port, destination, target);
}
