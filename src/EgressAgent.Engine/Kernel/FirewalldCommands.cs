using EgressAgent.Linux.Nftables;
using EgressAgent.Model.Planning;

namespace EgressAgent.Engine.Kernel;

/// <summary>What firewalld(1) offers for it: a zone with the routers' links, and a policy that lets through what goes to the zone.</summary>
internal static class FirewalldCommands
{
    private const string Zone = "egress";
    private const string Policy = "to-egress";

    // firewalld takes a zone from either, and from neither before it is reloaded.
    private static readonly string[] ZoneFiles = [$"/etc/firewalld/zones/{Zone}.xml", $"/usr/lib/firewalld/zones/{Zone}.xml"];

    /// <summary>Whether firewalld has made a chain, for its own of nftables.</summary>
    internal static bool IsOfFirewalld(NftChain chain) => chain.Table == "firewalld";

    /// <summary>After which the chain lets clients through to the routers.</summary>
    /// <param name="ruleset">Where the chain is.</param>
    /// <param name="chain">One of firewalld's.</param>
    internal static string LetThrough(NftWalk ruleset, NftChain chain)
    {
        const string Permanent = "firewall-cmd --permanent";
        List<string> commands = [];
        if (ruleset.Find(chain, $"filter_FWD_{Zone}") is null)
        {
            if (!ZoneFiles.Any(File.Exists))
            {
                commands.Add($"{Permanent} --new-zone={Zone}");
            }

            commands.Add($"{Permanent} --zone={Zone} --add-interface={RouterNames.NodeLinkPrefix}+");
        }

        commands.AddRange(
        [
            $"{Permanent} --new-policy={Policy}",
            $"{Permanent} --policy={Policy} --add-ingress-zone=ANY",
            $"{Permanent} --policy={Policy} --add-egress-zone={Zone}",
            $"{Permanent} --policy={Policy} --set-target=ACCEPT",
            "firewall-cmd --reload",
        ]);
        return string.Join(" && ", commands);
    }
}
