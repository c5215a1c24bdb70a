using EgressAgent.Engine.Redirect;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Netlink;
using EgressAgent.Linux.Netlink.Links;
using EgressAgent.Model;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>Tells what of a router's names in the kernel is this agent's, by the mark that it carries. It changes nothing.</summary>
internal sealed class Ownership(AgentOwner owner, RouterKey key)
{
    /// <summary>What the agent writes on what it makes.</summary>
    internal string Mark { get; } = RouterMark.Text(owner, key);

    /// <summary>Why a netns is not this agent's; null when it is.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    internal string? WhyForeign(NetworkNamespace netns, RouteNetlink route) => WhyForeign(netns, route.GetLink("lo")?.Alias);

    /// <summary>A netns that is not this agent's; null when it is.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    internal ForeignNetns? FindForeign(NetworkNamespace netns)
    {
        using var route = RouteNetlink.Open(netns);
        string? alias = route.GetLink("lo")?.Alias;
        return WhyForeign(netns, alias) is { } why ? new ForeignNetns(key, why, IsOfAgent: RouterMark.TryParse(alias) is not null) : null;
    }

    /// <summary>Why a link of the node under a name of the router's is not this agent's; null when it is.</summary>
    /// <param name="link">The link.</param>
    /// <param name="node">The node, to ask about the netns in which the other end of a veth is.</param>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    internal string? WhyForeign(Link link, RouteNetlink node)
    {
        RouterMark? mark = MarkOf(link, node);
        return mark?.IsOf(owner, key) == true ? null
            : $"the interface {link.Name} on the node has a name of this router's and {Whose(mark)}, and is left alone; "
            + $"give it another name, or if nobody needs it: ip link delete {link.Name}";
    }

    /// <summary>By what a link of the node is known: its own mark, or for a veth that has none that of the netns at its other end.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    internal static RouterMark? MarkOf(Link link, RouteNetlink node) => RouterMark.TryParse(link.Alias) ?? MarkOfPeer(link, node);

    /// <summary>Whether the netns at the other end of a veth, which may have lost its name, is this router's and this agent's.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    internal bool IsPeerOurs(Link link, RouteNetlink node) => MarkOfPeer(link, node)?.IsOf(owner, key) == true;

    private static RouterMark? MarkOfPeer(Link link, RouteNetlink node) =>
        link is { Kind: "veth", ParentNetnsId: { } peer } ? RouterMark.TryParse(node.GetLinkIn(peer, "lo")?.Alias) : null;

    private string? WhyForeign(NetworkNamespace netns, string? alias)
    {
        RouterMark? mark = RouterMark.TryParse(alias);

        // Version 0.1.0 left no mark but what its table says.
        if (mark is null ? RulesetTable.FindRouter(netns) == Ruleset.Abbreviate(key) : mark.IsOf(owner, key))
        {
            return null;
        }

        string name = RouterNames.Netns(key);
        return $"the network namespace {name} {Whose(mark)}, and is left alone; "
            + (mark is null || mark.Owner == owner.Id
                ? $"if nobody needs it: ip netns delete {name}"
                : $"give one of the two routers another name, or remove it there (egress-agentd cleanup --state {mark.StateDirectory})");
    }

    private string Whose(RouterMark? mark) => mark is null ? "is not of egress-agentd's making"
        : mark.Owner == owner.Id ? $"belongs to the router {mark.Router}"
        : $"belongs to the egress-agentd whose state directory is {mark.StateDirectory}";
}
