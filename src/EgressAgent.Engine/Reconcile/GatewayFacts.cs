using System.Net;
using EgressAgent.Model;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;
using EgressAgent.Model.Status;

namespace EgressAgent.Engine.Reconcile;

/// <summary>What the gateways of a router mean for its status.</summary>
/// <param name="Condition">Whether they answer.</param>
/// <param name="Troubles">One for each that does not.</param>
internal sealed record GatewayFacts(Claim Condition, ValueList<Trouble> Troubles)
{
    internal static GatewayFacts Of(StatusFacts facts, ValueList<ObservedGateway> observed)
    {
        bool isStandby = facts.IsStandbyOfCluster;
        if (!(facts.IsInForce || isStandby) || facts.Desired is not { } desired)
        {
            return Unknown(StatusReasons.NotInForce, "the router is not in force");
        }

        Trouble[] atNode = [.. facts.Troubles.Where(trouble => trouble.Reason == PlanReasons.GatewayIsTheNode)];
        Claim? unreachable = atNode is [var first, ..] ? new Claim(false, first.Reason, first.Message) : null;
        if (facts.Troubles.FirstOrDefault(trouble => trouble.Reason is PlanReasons.MasterDown or PlanReasons.GatewayUnknown) is { } why)
        {
            return unreachable is { } known ? new GatewayFacts(known, []) : Unknown(why.Reason, why.Message);
        }

        ObservedGateway[] gateways =
            [.. (isStandby ? desired.StandbyGateways : desired.Gateways).Select(address => observed.FirstOrDefault(known => known.Address.Equals(address)) ?? new ObservedGateway(address, null))];
        ValueList<Trouble> silent =
        [
            .. gateways.Where(gateway => gateway.IsReachable == false && atNode.All(trouble => trouble.Subject != gateway.Address.ToString()))
                .Select(gateway => Silent(gateway.Address, desired, isStandby)),
        ];
        if (unreachable is { } claim)
        {
            return new GatewayFacts(claim, silent);
        }

        return silent.Count > 0
            ? new GatewayFacts(new Claim(false, StatusReasons.GatewayUnreachable, string.Join("; ", silent.Select(trouble => trouble.Message))), silent)
            : gateways.All(gateway => gateway.IsReachable == true)
                ? new GatewayFacts(new Claim(true, StatusReasons.GatewayAnswers, $"{Named(gateways)} answers{(isStandby ? $", asked from {desired.Macvlan.Master} with the MAC of the node" : "")}"), [])
                : Unknown(StatusReasons.GatewayAsked, $"{Named(gateways)} is being asked");
    }

    private static string Named(IEnumerable<ObservedGateway> gateways) => string.Join(", ", gateways.Select(gateway => Named(gateway.Address)));

    private static string Named(IPAddress gateway) => $"the {(gateway.IsIPv4 ? "IPv4" : "IPv6")} gateway {gateway}";

    private static Trouble Silent(IPAddress gateway, DesiredRouter desired, bool isStandby) => new(
        TroubleKind.Shortcoming,
        StatusReasons.GatewayUnreachable,
        $"{Named(gateway)} does not answer {(gateway.IsIPv4 ? "ARP" : "neighbour solicitations")} on the network of {desired.Macvlan.Master}; "
            + (isStandby ? "look whether it is up and has that address; this node takes the router over after all nodes to which it answers"
                : "look whether it is up and has that address; if the node itself reaches it, the network drops what comes with the router's own MAC "
                    + "(port security of a switch, MAC filter of a hypervisor or cloud)"),
        gateway.ToString(),
        $"{Named(gateway)} answers");

    private static GatewayFacts Unknown(string reason, string message) => new(new Claim(null, reason, message), []);
}
