using EgressAgent.Linux.Netlink.Addresses;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Linux.Netlink.Routes;
using EgressAgent.Linux.Netlink.Rules;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>What a plan calls by names, as the kernel's messages have it, and back.</summary>
internal static class KernelEntries
{
    // A number that no routing daemon has (rt_protos). Routes and addresses that bear it are the agent's, others an administrator's.
    internal const byte Mark = 0xe9;

    // Before Linux 5.18 an address does not say who made it; what is there passes for the agent's then.
    private static readonly bool AreAddressesMarked = Environment.OSVersion.Version >= new Version(5, 18);

    // IPv6 writes the one that it was given, or 1024; its own for a subnet have 256. What has another stands beside the agent's.
    private static readonly uint[] UsualMetrics = [0, 256, 1024];

    /// <summary>Whether the agent put an address there.</summary>
    internal static bool IsOurs(LinkAddress address) => !AreAddressesMarked || address.Protocol == Mark;

    internal static LinkAddress ToKernel(AddressEntry entry, int linkIndex) =>
        new(linkIndex, entry.Address.Address, entry.Address.PrefixLength) { Protocol = Mark };

    internal static AddressEntry ToEntry(NetworkSide side, string link, LinkAddress address) =>
        new(side, link, new InterfaceAddress(address.Address, address.PrefixLength));

    internal static Route ToKernel(RouteEntry entry, int linkIndex) => new(entry.Destination)
    {
        Table = (uint)entry.Table,
        Gateway = entry.Gateway,
        OutputLinkIndex = linkIndex,
        PreferredSource = entry.PreferredSource,
        Scope = entry.IsLinkScope ? RouteScope.Link : RouteScope.Universe,
        Protocol = entry.IsKernelMade ? RouteProtocol.Kernel : entry.IsMarked ? (RouteProtocol)Mark : RouteProtocol.Boot,
    };

    /// <summary>Those of the tables that a router uses, over these links.</summary>
    internal static IEnumerable<RouteEntry> ToEntries(NetworkSide side, IEnumerable<Route> routes, IEnumerable<Link> links) =>
        from route in routes
        where route.Type == RouteType.Unicast && UsualMetrics.Contains(route.Priority) && route.Table is RouteTable.Main or RouteEntry.ReturnTable or RouteEntry.ServiceReturnTable
        where !route.Destination.BaseAddress.IsIPv6LinkLocal && !route.Destination.BaseAddress.IsIPv6Multicast
        join link in links on route.OutputLinkIndex equals link.Index
        select new RouteEntry(side, route.Destination, route.Gateway, link.Name, (int)route.Table)
        {
            PreferredSource = route.PreferredSource,
            IsKernelMade = route.Protocol == RouteProtocol.Kernel,
            IsMarked = route.Protocol == (RouteProtocol)Mark,
            IsLinkScope = route.Scope == RouteScope.Link,
        };

    internal static PolicyRule ToKernel(RuleEntry entry) => new(entry.Family, (uint)entry.Priority)
    {
        Table = (uint)entry.Table,
        InputLinkName = entry.IncomingLink,
        Mark = entry.Mark ?? 0,
        MarkMask = entry.Mark is null ? 0 : entry.MarkMask,
        Action = (Linux.Netlink.Rules.RuleAction)entry.Action,
        Source = entry.Source,

        // As the kernel makes it: else there would be two when it is added beside one that is there.
        Protocol = entry.IsBuiltIn ? RouteProtocol.Kernel : RouteProtocol.Boot,
    };

    internal static RuleEntry ToEntry(PolicyRule rule) => new(
        rule.Family, (int)rule.Priority, rule.InputLinkName, rule.MarkMask == 0 ? null : rule.Mark, (int)rule.Table)
    {
        Action = (Model.Planning.RuleAction)rule.Action,
        MarkMask = rule.MarkMask == 0 ? uint.MaxValue : rule.MarkMask,
        Source = rule.Source,
    };

    internal static MacvlanMode ToKernel(Model.Resources.MacvlanMode mode) => mode switch
    {
        Model.Resources.MacvlanMode.Bridge => MacvlanMode.Bridge,
        Model.Resources.MacvlanMode.Private => MacvlanMode.Private,
        Model.Resources.MacvlanMode.VEPA => MacvlanMode.Vepa,
        Model.Resources.MacvlanMode.Passthru => MacvlanMode.Passthru,
        _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, null),
    };

    internal static Model.Resources.MacvlanMode ToModel(MacvlanMode? mode) => mode switch
    {
        MacvlanMode.Private => Model.Resources.MacvlanMode.Private,
        MacvlanMode.Vepa => Model.Resources.MacvlanMode.VEPA,
        MacvlanMode.Passthru => Model.Resources.MacvlanMode.Passthru,
        _ => Model.Resources.MacvlanMode.Bridge,
    };
}
