using System.Net;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Nftables;
using EgressAgent.Model.Redirecting;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Redirect;

/// <summary>
/// The agent's nf_tables table in a router's netns, filter and NAT, for both datapaths. It goes on working when the agent is gone,
/// and a new agent takes it over as it is.
/// </summary>
internal sealed class RulesetTable
{
    // Somebody who writes all the time is not waited for: the plan is then not known to be in force, and is applied again.
    private const int MaxAttempts = 3;

    private const string ListTable = $"list table {RulesetNames.Table}";

    private RedirectPlan? _inForce;
    private Ruleset? _ruleset;

    // How nft lists the chains and the clients that are in force. Its wording differs from ours and between versions, and it
    // merges networks, so it is asked for after each transaction instead of being foretold.
    private string? _listing;

    /// <summary>The plan in force; null when there is none, or somebody else has changed it, or it is not known any more.</summary>
    internal RedirectPlan? Observe(NetworkNamespace netns)
    {
        if (_inForce is null)
        {
            return null;
        }

        using NftContext nft = NftContext.Open(netns);
        bool isUntouched = List(nft, _ruleset!) == _listing && ReadElements(nft) is { } elements && HasExactly(elements, _ruleset!);
        return isUntouched ? _inForce : null;
    }

    /// <summary>
    /// Puts a plan in force, all of it or nothing, and cuts the flows that it would not have made. Where somebody else writes
    /// at the same moment, <see cref="Observe"/> knows of no plan.
    /// </summary>
    /// <exception cref="LinuxException">The kernel refused; what was in force before still is.</exception>
    internal void Apply(RedirectPlan plan, NetworkNamespace netns)
    {
        using NftContext nft = NftContext.Open(netns);
        using NftGeneration generation = NftGeneration.Open(netns);
        Ruleset ruleset = Ruleset.Compile(plan);
        bool isAlone = false;
        for (int attempt = 0; !isAlone && attempt < MaxAttempts; attempt++)
        {
            // What is written is the difference to what was read, and the deletion of an element looks at its key alone; what is
            // listed afterwards is taken for ours. Both are right only if nobody else wrote meanwhile.
            uint before = generation.Read();
            string script = Script(nft, ruleset);
            nft.Run(script);
            string listing = List(nft, ruleset);
            isAlone = generation.Read() - before == (RulesetScript.Changes(script) ? 1u : 0u);
            (_inForce, _ruleset, _listing) = isAlone ? (plan, ruleset, listing) : default;
        }

        FlowSweep.Run(plan, netns);
    }

    private string Script(NftContext nft, Ruleset ruleset)
    {
        if (TryListJson(nft) is not { } present)
        {
            return RulesetScript.Create(ruleset, replace: false);
        }

        if (!RulesetReader.ReadObjectNames(present).SetEquals(ObjectNames(ruleset)))
        {
            return RulesetScript.Create(ruleset, replace: true);
        }

        // Chains that are listed as they were need not be written again.
        Ruleset? before = _ruleset is not null && List(nft, _ruleset) == _listing ? _ruleset : null;
        return RulesetScript.Update(ruleset, before, Destinations(RulesetReader.ReadElements(present)));
    }

    private static HashSet<string> ObjectNames(Ruleset ruleset) =>
    [
        .. ruleset.Chains.Select(chain => $"chain:{chain.Name}"),
        .. ruleset.Families.Select(family => $"set:{RulesetNames.Clients(family)}"),
        .. ruleset.Families.Where(_ => ruleset.HasRedirects)
            .SelectMany(family => (string[])[$"map:{RulesetNames.Redirects(family)}", $"counter:{RulesetNames.Fallback(family)}"]),
    ];

    private static Dictionary<(TransportProtocol Protocol, ushort Port), IPEndPoint> Destinations(
        Dictionary<(TransportProtocol Protocol, ushort Port), RulesetReader.Element> elements) =>
        elements.ToDictionary(element => element.Key, element => element.Value.Destination);

    private static bool HasExactly(
        Dictionary<(TransportProtocol Protocol, ushort Port), RulesetReader.Element> elements, Ruleset ruleset) =>
        elements.Count == ruleset.Redirects.Count
        && ruleset.Redirects.All(rule => elements.TryGetValue(rule.Key, out RulesetReader.Element element)
            && element.Destination.Equals(rule.Value));

    private static Dictionary<(TransportProtocol Protocol, ushort Port), RulesetReader.Element>? ReadElements(NftContext nft) =>
        TryListJson(nft) is { } json ? RulesetReader.ReadElements(json) : null;

    private static string List(NftContext nft, Ruleset ruleset)
    {
        string clients = string.Join('\n', ruleset.Families.Select(family => $"list set {RulesetNames.Table} {RulesetNames.Clients(family)}"));
        return TryRun(nft, ListTable, NftOutput.Terse | NftOutput.Stateless) + TryRun(nft, clients, NftOutput.Stateless);
    }

    private static string? TryListJson(NftContext nft) => TryRun(nft, ListTable, NftOutput.Json);

    private static string? TryRun(NftContext nft, string command, NftOutput output)
    {
        try
        {
            return nft.RunText(command, output);
        }
        catch (LinuxException exception) when (exception.Errno == Errno.ENOENT)
        {
            return null;
        }
    }
}
