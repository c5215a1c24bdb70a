using System.Net;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Resources;

namespace EgressAgent.Model.Redirecting;

/// <summary>Walks a plan as a packet does. What either datapath does with a packet is what is said here.</summary>
public static class PacketWalk
{
    /// <param name="plan">What is in force.</param>
    /// <param name="family">The addresses of the packet's family.</param>
    /// <param name="client">Who sends it.</param>
    /// <param name="packet">What is sent to the family's inside address.</param>
    public static PacketExplanation Explain(RedirectPlan plan, FamilyRedirect family, IPAddress client, ClientPacket packet)
    {
        List<string> why = [];
        PacketExplanation End(PacketFate fate, string reason) => new(fate, client, family.Inside, [.. why, reason]);
        if (client.Equals(family.Inside) || family.Reserved.Contains(client))
        {
            return End(PacketFate.Dropped, $"{client} is the router's own address, which no client has");
        }

        if (plan.Clients is { } clients)
        {
            if (!clients.Any(network => network.Contains(client)))
            {
                return End(
                    PacketFate.Refused,
                    $"{client} is not among the clients ({(clients.Count == 0 ? "none" : string.Join(", ", clients))}): "
                    + "add it to the annotation egressagent.org/clients, or to clients in agentd.yaml");
            }

            why.Add($"{client} is among the clients ({string.Join(", ", clients)})");
        }
        else
        {
            why.Add("every client may use the router, as neither it nor agentd.yaml says who may");
        }

        return FindRule(plan, family, packet) is { } rule
            ? End(PacketFate.Forwarded, $"the rule {packet} takes it to {new IPEndPoint(rule.Destination, rule.TargetPort)}") with
            {
                Rule = packet.ToString(),
                Source = family.Source,
                Destination = new IPEndPoint(rule.Destination, rule.TargetPort),
            }
            : family.Fallback is not { } fallback ? End(PacketFate.Refused, WhyNoRule(plan, family, packet))
            : !IsTakenByFallback(plan, packet.Transport)
                ? End(PacketFate.Refused, $"no rule takes {packet}, and with the relay the fallback takes TCP and UDP alone")
            : End(PacketFate.Forwarded, $"no rule takes {packet}, so the fallback takes it to {fallback}") with
            {
                Rule = "fallback",
                Source = family.Source,
                Destination = new IPEndPoint(fallback, packet.Port),
            };
    }

    private static RedirectRuleSpec? FindRule(RedirectPlan plan, FamilyRedirect family, ClientPacket packet) => plan.Rules.FirstOrDefault(
        rule => rule.Protocol == packet.Transport && rule.Port == packet.Port && rule.Destination.AddressFamily == family.Family);

    internal static bool IsTakenByFallback(RedirectPlan plan, TransportProtocol? transport) =>
        plan.Datapath == DatapathKind.Kernel || transport is TransportProtocol.TCP or TransportProtocol.UDP;

    private static string WhyNoRule(RedirectPlan plan, FamilyRedirect family, ClientPacket packet)
    {
        string version = family.Inside.IsIPv4 ? "IPv4" : "IPv6";
        string other = family.Inside.IsIPv4 ? "IPv6" : "IPv4";
        if (plan.Rules.Any(rule => rule.Protocol == packet.Transport && rule.Port == packet.Port))
        {
            return $"the rule {packet} leads to an {other} destination, and takes nothing that is sent over {version}";
        }

        string ports = string.Join(", ", plan.Rules.Where(rule => rule.Port == packet.Port && packet.Transport is not null).Select(rule => $"{rule.Port}/{rule.Protocol}"));
        return $"no rule takes {packet}{(ports.Length == 0 ? "" : $" (there is one for {ports})")}, and there is no fallbackIP for {version}";
    }
}
