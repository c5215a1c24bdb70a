using System.Net;
using System.Net.Sockets;
using System.Text;
using EgressAgent.Model.Resources;

namespace EgressAgent.Engine.Redirect;

/// <summary>Writes the commands that bring a table to a <see cref="Ruleset"/>. Each script is one transaction.</summary>
internal static class RulesetScript
{
    private const string Table = RulesetNames.Table;

    // libnftables reads its input as one command after another; a bounded number of elements a command keeps its error texts short.
    private const int ElementsPerCommand = 512;

    /// <summary>The whole table, from nothing. With <paramref name="replace"/>, instead of whatever stands under its name.</summary>
    internal static string Create(Ruleset ruleset, bool replace)
    {
        var script = new StringBuilder();
        if (replace)
        {
            script.AppendLine($"delete table {Table}");
        }

        script.AppendLine($"add table {Table} {{ comment \"{RulesetNames.TableComment}{ruleset.Router}\"; }}");
        AppendObjects(script, ruleset);
        foreach (RulesetChain chain in ruleset.Chains)
        {
            AppendChain(script, chain);
        }

        AppendClients(script, ruleset, flushFirst: false);
        AppendElements(script, "add", ruleset.Redirects, ruleset.Router);
        return script.ToString();
    }

    /// <summary>
    /// What differs, for a table that has the objects of <paramref name="ruleset"/> already. Elements that stay keep their
    /// counters; established flows are not touched in any case, as NAT is decided at a flow's first packet. It is empty when nothing differs.
    /// </summary>
    /// <param name="ruleset">What is to be.</param>
    /// <param name="before">What is in force; null when only the elements are known, so that everything else is written again.</param>
    /// <param name="elements">The elements that are in the maps.</param>
    internal static string Update(
        Ruleset ruleset, Ruleset? before, IReadOnlyDictionary<RedirectKey, IPEndPoint> elements)
    {
        var script = new StringBuilder();
        foreach (RulesetChain chain in ruleset.Chains)
        {
            if (before is null || !before.Chains.Contains(chain))
            {
                script.AppendLine($"flush chain {Table} {chain.Name}");
                AppendRules(script, chain);
            }
        }

        if (before is null || !ruleset.HasClientsOf(before))
        {
            AppendClients(script, ruleset, flushFirst: true);
        }

        AppendElements(script, "delete", elements.Where(element => !ruleset.Redirects.TryGetValue(element.Key, out IPEndPoint? wanted)
            || !wanted.Equals(element.Value)), router: null);
        AppendElements(script, "add", ruleset.Redirects.Where(element => !elements.TryGetValue(element.Key, out IPEndPoint? present)
            || !present.Equals(element.Value)), ruleset.Router);
        return script.ToString();
    }

    private static void AppendObjects(StringBuilder script, Ruleset ruleset)
    {
        script.AppendLine($"add counter {Table} {RulesetNames.NoRule} {{ comment \"refused, as no rule takes it\"; }}");
        script.AppendLine($"add counter {Table} {RulesetNames.NotInClients} {{ comment \"refused, as its sender is no client\"; }}");
        if (ruleset.Offloaded.Count > 0)
        {
            // Its links come later. Without the counter connection tracking would count no packet of what is offloaded.
            script.AppendLine($"add flowtable {Table} {RulesetNames.Flowtable} {{ hook ingress priority filter; counter; }}");
        }

        foreach (AddressFamily family in ruleset.Families)
        {
            string type = family == AddressFamily.InterNetwork ? "ipv4_addr" : "ipv6_addr";
            if (ruleset.HasRedirects)
            {
                script.AppendLine($"add counter {Table} {RulesetNames.Fallback(family)} {{ comment \"connections that the fallback took\"; }}");
                script.AppendLine($"add map {Table} {RulesetNames.Redirects(family)} "
                    + $"{{ type inet_proto . inet_service : {type} . inet_service; counter; comment \"rules of {ruleset.Router}\"; }}");
            }

            if (ruleset.HasExternal)
            {
                script.AppendLine($"add map {Table} {RulesetNames.External(family)} "
                    + $"{{ type {type} . inet_proto . inet_service : {type} . inet_service; counter; comment \"ports of Services at external addresses\"; }}");
            }

            script.AppendLine($"add set {Table} {RulesetNames.Clients(family)} {{ type {type}; flags interval; auto-merge; "
                + "comment \"who may use the router, where a rule asks\"; }");
        }
    }

    private static void AppendChain(StringBuilder script, RulesetChain chain)
    {
        string hook = chain.Hook is null ? "" : $" {{ {chain.Hook} }}";
        script.AppendLine($"add chain {Table} {chain.Name}{hook}");
        AppendRules(script, chain);
    }

    private static void AppendRules(StringBuilder script, RulesetChain chain)
    {
        foreach (string rule in chain.Rules)
        {
            script.AppendLine($"add rule {Table} {chain.Name} {rule}");
        }
    }

    private static void AppendClients(StringBuilder script, Ruleset ruleset, bool flushFirst)
    {
        foreach (AddressFamily family in ruleset.Families)
        {
            string set = RulesetNames.Clients(family);
            if (flushFirst)
            {
                script.AppendLine($"flush set {Table} {set}");
            }

            if (ruleset.Clients?[family] is { Count: > 0 } networks)
            {
                script.AppendLine($"add element {Table} {set} {{ {string.Join(", ", networks)} }}");
            }
        }
    }

    // With a router, each element says in a comment whose rule it is. A deletion has to name the datum, but nf_tables compares the key
    // alone: what was read has to be what is there.
    private static void AppendElements(
        StringBuilder script,
        string verb,
        IEnumerable<KeyValuePair<RedirectKey, IPEndPoint>> elements,
        string? router)
    {
        foreach (IGrouping<string, KeyValuePair<RedirectKey, IPEndPoint>> map in elements.GroupBy(
            element => RulesetNames.MapOf(element.Key, element.Value)))
        {
            foreach (var chunk in map.Chunk(ElementsPerCommand))
            {
                string list = string.Join(", ", chunk.Select(element => Element(element.Key, element.Value, router)));
                script.AppendLine($"{verb} element {Table} {map.Key} {{ {list} }}");
            }
        }
    }

    private static string Element(RedirectKey key, IPEndPoint destination, string? router)
    {
        string comment = router is null ? "" : $" comment \"{RulesetNames.ElementComment(router, key)}\"";
        string address = key.External is null ? "" : $"{key.External} . ";
        return $"{address}{Protocol(key.Protocol)} . {key.Port}{comment} : {destination.Address} . {destination.Port}";
    }

    private static string Protocol(TransportProtocol protocol) => protocol switch
    {
        TransportProtocol.TCP => "tcp",
        TransportProtocol.UDP => "udp",
        TransportProtocol.SCTP => "sctp",
        _ => throw new ArgumentOutOfRangeException(nameof(protocol), protocol, null),
    };
}
