using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Planning;

/// <summary>Whether a router may stand on an interface of the node.</summary>
public static class MasterFitness
{
    // What takes an interface as its port takes all that it receives; the kernel lets no macvlan on it then (EBUSY).
    private static readonly string[] PortTakers = ["bridge", "bond", "team", "openvswitch"];

    /// <summary>Whether other interfaces become ports of this one.</summary>
    internal static bool TakesPorts(NodeLink link) => PortTakers.Contains(link.Kind);

    /// <summary>Why the router cannot, or must not, be built on this interface; null when it can.</summary>
    internal static PlanProblem? WhyUnfit(EgressRouterSpec spec, NodeLink master, ObservedNode node) =>
        WhyNoMacvlan(master, node) is { } unfit ? new PlanProblem(PlanReasons.MasterUnfit, unfit)
        : spec.MacvlanMode == MacvlanMode.Passthru && !spec.PassthruTakesTheNode && WhatTheNodeLoses(master, node) is { } loss
            ? new PlanProblem(
                PlanReasons.PassthruTakesTheNode,
                $"in passthru mode the router would take {master.Name} away from the node, which has {loss} there and would be cut off, also after a reboot; "
                    + "choose mode Bridge, or another master, or say that it is meant with the annotation "
                    + $"{RouterAnnotations.PassthruTakesTheNode}: \"true\"")
        : null;

    /// <summary>What to say when another router of the agent's has the interface, or has a part of it.</summary>
    public static PlanProblem Taken(string master, RouterKey other, bool isOtherPassthru) => new(
        PlanReasons.MasterTaken,
        isOtherPassthru
            ? $"the router {other} has {master} in passthru mode, which means alone; name another master, or choose mode Bridge for both"
            : $"the router {other} is on {master} too, and passthru mode means to have it alone; name another master, or choose mode Bridge");

    private static string? WhyNoMacvlan(NodeLink master, ObservedNode node)
    {
        if (!master.IsEthernet)
        {
            return $"{master.Name} carries no Ethernet frames, as a tunnel or a point-to-point link, so that no router can be a host there; "
                + "name an Ethernet interface in spec.networkInterface.macvlan.master";
        }

        return node.Links.FirstOrDefault(link => link.Index == master.PortOf && TakesPorts(link)) is { } taker
            ? $"{master.Name} is a port of the {taker.Kind} {taker.Name}, which takes all that it receives; "
                + $"name {taker.Name} in spec.networkInterface.macvlan.master"
            : null;
    }

    // Link-local addresses come by themselves.
    private static string? WhatTheNodeLoses(NodeLink master, ObservedNode node)
    {
        string[] addresses = [.. master.Addresses.Where(address => !address.Address.IsIPv6LinkLocal).Select(address => address.ToString())];
        bool hasDefault = node.Routes.Any(route => route.IsDefault && route.LinkIndex == master.Index);
        return (addresses.Length, hasDefault) switch
        {
            (0, false) => null,
            (0, true) => "its default route",
            (_, true) => $"{string.Join(", ", addresses)} and its default route",
            _ => string.Join(", ", addresses),
        };
    }
}
