using System.Net;
using System.Net.NetworkInformation;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Tests.Planning;

/// <summary>The documented example: a node with one interface, and the router that keeps 192.168.12.99 on it.</summary>
internal static class Example
{
    public static readonly RouterKey Key = new("default", "web");

    public static readonly NodeLink Ens3 = Link(2, "ens3", "192.168.12.10/24");

    public static readonly ObservedNode Node = Of([Ens3], [Route("0.0.0.0/0", "192.168.12.1", Ens3)]);

    public static readonly NodeLink DualEns3 = Link(2, "ens3", "192.168.12.10/24", "2001:db8:12::10/64");

    public static readonly ObservedNode DualNode = Of(
        [DualEns3], [Route("0.0.0.0/0", "192.168.12.1", DualEns3), Route("::/0", "2001:db8:12::1", DualEns3)]);

    public static readonly EgressRouterSpec Spec = new()
    {
        Addresses = [Reserved("192.168.12.99/24", "192.168.12.1")],
        Rules = [Rule(8080, "203.0.113.26", 80)],
    };

    public static readonly EgressRouterSpec DualSpec = Spec with
    {
        Addresses = [Reserved("192.168.12.99/24"), Reserved("2001:db8:12::99/64")],
        Rules = [Rule(8080, "203.0.113.26", 80), Rule(8081, "2001:db8:ff::26", 80)],
    };

    public static readonly RouterAllocation Allocation = new([Cidr("198.18.0.2/16")], PhysicalAddress.Parse("02-00-00-00-00-99"));

    public static readonly RouterAllocation DualAllocation =
        Allocation with { InsideAddresses = [Cidr("198.18.0.2/16"), Cidr("fd96:e9e5:a::2/112")] };

    /// <summary>The router that the example asks for.</summary>
    public static readonly DesiredRouter Desired = Plan(Spec).Desired!;

    public static readonly DesiredRouter DualDesired = Plan(DualSpec, DualNode).Desired!;

    public static RouterPlan Plan(EgressRouterSpec spec, ObservedNode? node = null) => RouterPlanner.Plan(
        Key,
        spec,
        spec.Addresses.Any(address => !address.Address.Address.IsIPv4) ? DualAllocation : Allocation,
        node ?? Node,
        AgentConfiguration.Default);

    public static ObservedNode Of(ValueList<NodeLink> links, ValueList<NodeRoute> routes) => new(links, routes);

    public static NodeLink Link(int index, string name, params string[] addresses) =>
        new(index, name, IsUp: true, HasCarrier: true, Mtu: 1500, [.. addresses.Select(Cidr)], []);

    public static NodeRoute Route(string destination, string? gateway, NodeLink link, int table = RouteEntry.MainTable, int metric = 0) =>
        new(IPNetwork.Parse(destination), gateway is null ? null : IPAddress.Parse(gateway), link.Index, table, metric);

    public static AddressSpec Reserved(string address, string? gateway = null) =>
        new(Cidr(address), gateway is null ? null : IPAddress.Parse(gateway));

    public static RedirectRuleSpec Rule(ushort port, string destination, ushort? targetPort = null, TransportProtocol protocol = TransportProtocol.TCP) =>
        new(protocol, port, IPAddress.Parse(destination), targetPort ?? port);

    public static InterfaceAddress Cidr(string text) =>
        InterfaceAddress.TryParse(text, out InterfaceAddress? address) ? address : throw new FormatException(text);

    public static IPAddress Ip(string text) => IPAddress.Parse(text);
}
