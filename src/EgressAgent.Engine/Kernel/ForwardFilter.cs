using System.Net;
using EgressAgent.Linux;
using EgressAgent.Linux.Nftables;
using EgressAgent.Model.Addressing;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>
/// What other people's nftables on the node do with clients' packets, and which command lets the packets through. It covers what
/// iptables-nft makes, not iptables-legacy. Not thread-safe.
/// </summary>
/// <param name="ruleset">The node's ruleset; null when there is none.</param>
internal sealed class ForwardFilter(NftWalk? ruleset)
{
    // Lets them through so that it lasts, and warns of routers that say nothing of their clients.
    private const string Setup = "egressctl setup ";

    /// <summary>What drops packets of a client, or the answers, for sure; null when nothing does.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal ClientObstacle? FindDrop(ClientWays ways, IPAddress address, string nodeLink, ClientSample client)
    {
        if (ruleset is null)
        {
            return null;
        }

        IReadOnlyList<NftChain> there = ruleset.FindDrops(Packet(ways, address, nodeLink, client));
        IReadOnlyList<NftChain> back = ruleset.FindDrops(new NftPacket(address, client.Address, nodeLink, client.LinkName)
        {
            Protocol = ways.Protocol,
            SourcePort = ways.Port,
            IsAnswer = true,
        });
        NftChain[] chains = [.. there.Union(back).Where(chain => !IsOfStartingFirewalld(chain))];
        if (chains.Length == 0)
        {
            return null;
        }

        string which = $"{(there.Count > 0 ? "packets" : "answers to packets")} of {client} ({string.Join(", ", chains.Select(chain => $"nftables chain {chain}"))})";
        string[] commands = [.. chains.Select(CommandFor).Distinct()];
        string untilWhen = commands.All(command => command.StartsWith(Setup, StringComparison.Ordinal)) ? "" : ", for the next start by the firewall's own files";
        return new ClientObstacle(
            chains.Any(IsOfFirewalld) ? PlanReasons.FirewalldRejects : PlanReasons.ForwardDropped,
            string.Join(", ", chains.Select(chain => chain.ToString())),
            $"{(chains.All(IsOfFirewalld) ? "firewalld rejects" : "the node's firewall drops")} {which}; let them through{untilWhen}",
            string.Join(" && ", commands),
            IsExpected: true);
    }

    /// <summary>What masquerades a client for sure, so that the router does not know it for one of its clients; null when nothing does.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal ClientObstacle? FindMasquerade(ClientWays ways, IPAddress address, IPNetwork network, string nodeLink, ClientSample client)
    {
        if (ways.Clients is null || ways.IsForNode || ruleset?.FindMasquerade(Packet(ways, address, nodeLink, client)) is not { } chain)
        {
            return null;
        }

        string insert = IsOfIptables(chain, "nat", "POSTROUTING")
            ? $"{Iptables(chain)} -t nat -I POSTROUTING -d {network} -j ACCEPT"
            : $"nft insert rule {chain} {(address.IsIPv4 ? "ip" : "ip6")} daddr {network} accept";
        return new ClientObstacle(
            PlanReasons.Masqueraded,
            client.ToString(),
            $"the node masquerades {client} (nftables chain {chain}), so that the router sees the node, which is not among its clients; let it keep its address, or add `node` to the clients",
            insert,
            IsExpected: true);
    }

    /// <summary>Whether a packet to a router may get a mark before it is routed.</summary>
    /// <param name="ways">The router.</param>
    /// <param name="address">Where it goes.</param>
    /// <param name="nodeLink">By which link.</param>
    /// <param name="source">Who sends it.</param>
    /// <param name="inputLink">By which link it comes in; null when the node sends it.</param>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal bool MayMark(ClientWays ways, IPAddress address, string nodeLink, IPAddress source, string? inputLink) =>
        ruleset?.MayBeMarked(new NftPacket(source, address, inputLink ?? "", nodeLink) { Protocol = ways.Protocol, DestinationPort = ways.Port }, inputLink is null) == true;

    private static NftPacket Packet(ClientWays ways, IPAddress address, string nodeLink, ClientSample client) =>
        new(client.Address, address, client.LinkName, nodeLink) { Protocol = ways.Protocol, DestinationPort = ways.Port };

    private string CommandFor(NftChain chain)
    {
        if (IsOfFirewalld(chain))
        {
            return $"{Setup}firewalld";
        }

        if (!IsOfIptables(chain, "filter", "FORWARD"))
        {
            return $"nft 'insert rule {chain} oifname \"{RouterNames.NodeLinkPrefix}*\" accept; insert rule {chain} iifname \"{RouterNames.NodeLinkPrefix}*\" ct state established,related accept'";
        }

        // ufw has those only while it is in force.
        if (ruleset!.Find(chain, "ufw-user-forward") is not null || ruleset.Find(chain, "ufw6-user-forward") is not null)
        {
            return $"{Setup}ufw";
        }

        // Docker's own, which it keeps clear for this.
        if (ruleset.Find(chain, "DOCKER-USER") is not null)
        {
            return $"{Setup}docker";
        }

        string iptables = Iptables(chain);
        return $"{iptables} -I FORWARD -o '{RouterNames.NodeLinkPrefix}+' -j ACCEPT && "
            + $"{iptables} -I FORWARD -i '{RouterNames.NodeLinkPrefix}+' -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT";
    }

    private static bool IsOfFirewalld(NftChain chain) => chain.Table == "firewalld";

    // firewalld's while it starts or reloads: all of it is over a moment later, and nobody's to change.
    private static bool IsOfStartingFirewalld(NftChain chain) => chain.Table == "firewalld_policy_drop";

    private static bool IsOfIptables(NftChain chain, string table, string name) => chain.FamilyName is "ip" or "ip6" && (chain.Table, chain.Name) == (table, name);

    private static string Iptables(NftChain chain) => chain.FamilyName == "ip6" ? "ip6tables" : "iptables";
}
