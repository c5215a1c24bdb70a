using System.Collections.Immutable;
using System.Net;
using EgressAgent.Engine.Registry;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Resources;
using EgressAgent.Model.Validation;
using EgressAgent.Testing.FakeKernel;

namespace EgressAgent.Engine.Tests.Support;

/// <summary>Routers and nodes of the documented example's shape.</summary>
internal static class Example
{
    public const string MachineId = "0123456789abcdef0123456789abcdef";

    public static readonly RouterKey Key = new("default", "web");

    public static readonly ValueList<Diagnostic> Faults =
    [
        new(new SourceLocation("web.yaml", 9, 3), "spec.adresses", "unknown field; did you mean addresses?"),
    ];

    public static EgressRouterResource Router(string name = "web", string address = "192.168.12.99/24", params RedirectRuleSpec[] rules) => new(
        new RouterKey("default", name),
        new SourceLocation($"{name}.yaml", 1, 1),
        ImmutableSortedDictionary<string, string>.Empty,
        new EgressRouterSpec
        {
            Addresses = [new AddressSpec(Cidr(address), null)],
            Rules = rules.Length == 0 ? [Rule(8080, "203.0.113.26", 80)] : [.. rules],
        });

    public static RedirectRuleSpec Rule(ushort port, string destination, ushort targetPort, TransportProtocol protocol = TransportProtocol.TCP) =>
        new(protocol, port, IPAddress.Parse(destination), targetPort);

    public static InterfaceAddress Cidr(string text) =>
        InterfaceAddress.TryParse(text, out InterfaceAddress? address) ? address : throw new FormatException(text);

    /// <summary>A node whose one interface has the subnet of the routers.</summary>
    public static FakeKernel Node(string subnet = "192.168.12.10/24")
    {
        var kernel = new FakeKernel();
        kernel.EditNode(node => AddInterface(node, subnet));
        return kernel;
    }

    public static void AddInterface(FakeNetns node, string subnet = "192.168.12.10/24")
    {
        node.AddHardware("ens3");
        node.AddAddress("ens3", Cidr(subnet));
        node.AddAddress("ens3", Cidr("2001:db8:12::10/64"));
        node.SetRoute(new RouteEntry(NetworkSide.Node, IPNetwork.Parse("0.0.0.0/0"), IPAddress.Parse("192.168.12.1"), "ens3"));
        node.SetRoute(new RouteEntry(NetworkSide.Node, IPNetwork.Parse("::/0"), IPAddress.Parse("2001:db8:12::1"), "ens3"));
    }

    /// <summary>The file that holds a router alone.</summary>
    public static RouterFile File(EgressRouterResource router) => new(
        router.Source.File, [new RouterDocument { Source = router.Source, Key = router.Key, Resource = router }], [], IsComplete: true);

    /// <summary>The file of a router whose document is in error, though its name can be read.</summary>
    public static RouterFile FaultyFile(EgressRouterResource router) => new(
        router.Source.File, [new RouterDocument { Source = router.Source, Key = router.Key, Diagnostics = Faults }], [], IsComplete: true);

    /// <summary>A file of which nothing can be read.</summary>
    public static RouterFile UnreadableFile(string path = "web.yaml") => new(
        path, [], [new Diagnostic(new SourceLocation(path, 1, 1), "", "no document can be told")], IsComplete: false);

    /// <summary>As the registry has it.</summary>
    public static RegisteredRouter Registered(EgressRouterResource router) => new()
    {
        Id = router.Id,
        Source = router.Source,
        Wanted = router,
        LastGood = router,
        Generation = 1,
        Allocation = new RouterAllocation([Cidr("198.18.0.2/16")], InsideAddressAllocator.DeriveMac(MachineId, router.Key)),
    };

    /// <summary>A router whose inside address would be that of another one.</summary>
    public static EgressRouterResource Collision(IPNetwork network, EgressRouterResource other) => Enumerable.Range(0, int.MaxValue)
        .Select(number => Router($"other{number}", "192.168.12.98/24"))
        .First(router => InsideAddressAllocator.Derive(network, router.Key)!.Equals(InsideAddressAllocator.Derive(network, other.Key)));
}
