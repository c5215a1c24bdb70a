using System.IO.Hashing;
using System.Net;
using System.Text;
using EgressAgent.Linux;
using EgressAgent.Linux.Namespaces;
using EgressAgent.Linux.Nftables;
using EgressAgent.Model;
using EgressAgent.Model.Redirecting;

namespace EgressAgent.Engine.Redirect;

/// <summary>
/// The agent's nf_tables table in a router's netns, filter and NAT, for both datapaths. It goes on working when the agent is gone,
/// and a new agent takes it over as it is.
/// </summary>
/// <param name="notes">What agents leave to the next one; null for nothing.</param>
internal sealed class RulesetTable(RulesetNotes? notes = null)
{
    // Somebody who writes all the time is not waited for: the plan is then not known to be in force, and is applied again.
    private const int MaxAttempts = 3;

    private const string ListTable = $"list table {RulesetNames.Table}";

    private RedirectPlan? _inForce;

    // The plan that all flows are known to follow.
    private RedirectPlan? _followed;

    private Standing? _standing;

    // The state that the note tells of.
    private Standing? _noted;

    /// <summary>Whose table is in a netns, by its comment (<see cref="Ruleset.Abbreviate"/>); null when there is none.</summary>
    internal static string? FindRouter(NetworkNamespace netns)
    {
        using NftContext nft = NftContext.Open(netns);
        string comment = $"comment \"{RulesetNames.TableComment}";
        return TryRun(nft, ListTable, NftOutput.Terse | NftOutput.Stateless) is { } table && table.IndexOf(comment, StringComparison.Ordinal) is > 0 and var start
            ? table[(start + comment.Length)..].Split('"')[0]
            : null;
    }

    /// <summary>The plan in force; null when there is none, or somebody else has changed it, or it is not known any more.</summary>
    internal RedirectPlan? Observe(NetworkNamespace netns)
    {
        if (_inForce is null || _standing is null)
        {
            return null;
        }

        using NftConnection connection = NftConnection.Open(netns);
        uint generation = connection.ReadGeneration();
        if (_standing.IsOf(connection, generation))
        {
            return _inForce;
        }

        // Somebody wrote: to another table perhaps. What he led elsewhere meanwhile is not known.
        _followed = null;
        using NftContext nft = NftContext.Open(netns);
        if (!IsListedAs(nft, _standing) || ReadElements(nft) is not { } elements || !HasExactly(elements, _standing.Ruleset))
        {
            return null;
        }

        if (connection.ReadGeneration() == generation)
        {
            _standing = _standing with { Netns = connection.NetnsCookie, Generation = generation };
        }

        return _inForce;
    }

    /// <summary>
    /// Puts a plan in force, all of it or nothing, and cuts the flows that it would not have made. Where somebody else writes
    /// at the same moment, <see cref="Observe"/> knows of no plan.
    /// </summary>
    /// <param name="plan">The plan.</param>
    /// <param name="netns">The router's.</param>
    /// <param name="end">Ends what sockets have of flows that are cut; see <see cref="FlowSweep"/>.</param>
    /// <returns>Whether flows were cut.</returns>
    /// <exception cref="LinuxException">
    /// The kernel refused. What was in force before still is; or the plan is, flows are left that it would not have made, and
    /// <see cref="Observe"/> knows of no plan.
    /// </exception>
    internal bool Apply(RedirectPlan plan, NetworkNamespace netns, FlowsCut? end = null)
    {
        using NftConnection connection = NftConnection.Open(netns);
        Ruleset ruleset = Ruleset.Compile(plan);
        RedirectPlan? followed = null;
        bool isAlone = false;
        for (int attempt = 0; !isAlone && attempt < MaxAttempts; attempt++)
        {
            uint generation = connection.ReadGeneration();
            _standing ??= Adopt(connection, plan, ruleset, generation);
            bool isUntouched = _standing?.IsOf(connection, generation) == true;
            followed = isUntouched ? _followed : null;
            isAlone = (isUntouched && TryEdit(connection, ruleset)) || Write(connection, netns, ruleset, generation);
        }

        (_inForce, _followed) = default((RedirectPlan?, RedirectPlan?));

        // A sweep that fails is done again with the plan.
        bool hasCut = (followed is null || FlowSweep.IsDue(followed, plan)) && FlowSweep.Run(plan, netns, end);
        _inForce = _followed = isAlone ? plan : null;
        Note(plan.Key);
        return hasCut;
    }

    /// <summary>The links whose established flows bypass the chains; null where the plan in force does not ask for it.</summary>
    internal static IReadOnlyList<string>? FindOffloadedLinks(NetworkNamespace netns)
    {
        using NftConnection connection = NftConnection.Open(netns);
        return connection.FindFlowtableLinks(RulesetNames.TableName, RulesetNames.Flowtable);
    }

    /// <summary>Has established flows that arrive by a link bypass the chains; one of which they do already is none the worse for it.</summary>
    /// <exception cref="LinuxException">The kernel refused: there is no such link, or no flowtable.</exception>
    internal void Offload(RouterKey key, string link, NetworkNamespace netns)
    {
        using NftConnection connection = NftConnection.Open(netns);
        uint generation = connection.ReadGeneration();
        using (NftContext nft = NftContext.Open(netns))
        {
            // Without the word the flowtable would count no more.
            nft.Run($"add flowtable {RulesetNames.Table} {RulesetNames.Flowtable} {{ hook ingress priority filter; devices = {{ {link} }}; counter; }}");
        }

        // Where somebody else wrote meanwhile, the next look lists the table.
        if (_standing?.IsOf(connection, generation) == true && connection.ReadGeneration() == NftConnection.Next(generation))
        {
            _standing = _standing with { Generation = NftConnection.Next(generation) };
            Note(key);
        }
    }

    /// <summary>Takes back what was noted for the next agent: the table goes.</summary>
    internal void Forget(RouterKey key) => notes?.Remove(key);

    // What another agent left is known if nobody has written since and this version would make the same.
    private Standing? Adopt(NftConnection connection, RedirectPlan plan, Ruleset ruleset, uint generation)
    {
        if (connection.NetnsCookie is not { } netns || notes?.Find(plan.Key) is not { } note
            || note.Netns != netns || note.Generation != generation || note.Ruleset != Digest(ruleset))
        {
            return null;
        }

        _followed = plan;
        return _noted = new Standing(ruleset, note.Listing, netns, generation);
    }

    private void Note(RouterKey key)
    {
        if (notes is not null && _inForce is not null && _standing is { Netns: { } netns } standing && (standing.Generation != _noted?.Generation || netns != _noted.Netns))
        {
            _noted = standing;
            notes.Write(key, new RulesetNote(netns, standing.Generation, Digest(standing.Ruleset), standing.Listing));
        }
    }

    // What differs in elements alone, without libnftables, if nobody else writes meanwhile. It tells of a refusal in more words, and so
    // has its turn.
    private bool TryEdit(NftConnection connection, Ruleset ruleset)
    {
        if (!ruleset.DiffersInElementsAlone(_standing!.Ruleset))
        {
            return false;
        }

        NftBatch batch = RulesetElements.Update(_standing.Ruleset, ruleset);
        try
        {
            if (!batch.IsEmpty && !connection.TryCommit(batch, _standing.Generation))
            {
                return false;
            }
        }
        catch (LinuxException)
        {
            return false;
        }

        _standing = _standing with { Ruleset = ruleset, Generation = batch.IsEmpty ? _standing.Generation : NftConnection.Next(_standing.Generation) };
        return true;
    }

    // What is written is the difference to what was read, and the deletion of an element looks at its key alone; what is listed afterwards
    // is taken for ours. Both are right only if nobody else wrote meanwhile.
    private bool Write(NftConnection connection, NetworkNamespace netns, Ruleset ruleset, uint generation)
    {
        using NftContext nft = NftContext.Open(netns);
        string script = Script(nft, ruleset, generation, isUntouched: _standing?.IsOf(connection, generation) == true);
        if (script.Length > 0)
        {
            nft.Run(script);
            generation = NftConnection.Next(generation);
        }

        (_inForce, _followed, _standing) = default((RedirectPlan?, RedirectPlan?, Standing?));
        var standing = new Standing(ruleset, Digest(List(nft, ruleset)), connection.NetnsCookie, generation);
        bool isAlone = connection.ReadGeneration() == generation;
        _standing = isAlone ? standing : null;
        return isAlone;
    }

    private string Script(NftContext nft, Ruleset ruleset, uint generation, bool isUntouched)
    {
        if (isUntouched && ObjectNames(ruleset).SetEquals(ObjectNames(_standing!.Ruleset)) && KeepsFlowtable(ruleset, _standing.Ruleset))
        {
            return RulesetScript.Update(ruleset, _standing.Ruleset, _standing.Ruleset.Redirects);
        }

        if (generation == NftConnection.FirstGeneration || TryListJson(nft) is not { } present)
        {
            return RulesetScript.Create(ruleset, replace: false);
        }

        if (!RulesetReader.ReadObjectNames(present).SetEquals(ObjectNames(ruleset)))
        {
            return RulesetScript.Create(ruleset, replace: true);
        }

        // What is listed as it was need not be written again.
        Ruleset? before = _standing is not null && IsListedAs(nft, _standing) ? _standing.Ruleset : null;
        return !KeepsFlowtable(ruleset, before) ? RulesetScript.Create(ruleset, replace: true) : RulesetScript.Update(ruleset, before, Destinations(RulesetReader.ReadElements(present)));
    }

    // What bypasses the chains stops with the flowtable alone, or with its entry, which is deleted later: a source that was given up leaves no
    // sooner than either.
    private static bool KeepsFlowtable(Ruleset ruleset, Ruleset? before) =>
        ruleset.Offloaded.Count == 0 || before?.Offloaded.All(ruleset.Offloaded.Contains) == true;

    private static HashSet<string> ObjectNames(Ruleset ruleset) =>
    [
        $"counter:{RulesetNames.NoRule}",
        $"counter:{RulesetNames.NotInClients}",
        .. ruleset.Chains.Select(chain => $"chain:{chain.Name}"),
        .. ruleset.Offloaded.Count > 0 ? [$"flowtable:{RulesetNames.Flowtable}"] : ValueList<string>.Empty,
        .. ruleset.Families.Select(family => $"set:{RulesetNames.Clients(family)}"),
        .. ruleset.Families.Where(_ => ruleset.HasRedirects)
            .SelectMany(family => (string[])[$"map:{RulesetNames.Redirects(family)}", $"counter:{RulesetNames.Fallback(family)}"]),
        .. ruleset.Families.Where(_ => ruleset.HasExternal).Select(family => $"map:{RulesetNames.External(family)}"),
    ];

    private static Dictionary<RedirectKey, IPEndPoint> Destinations(
        Dictionary<RedirectKey, RulesetReader.Element> elements) =>
        elements.ToDictionary(element => element.Key, element => element.Value.Destination);

    private static bool HasExactly(
        Dictionary<RedirectKey, RulesetReader.Element> elements, Ruleset ruleset) =>
        elements.Count == ruleset.Redirects.Count
        && ruleset.Redirects.All(rule => elements.TryGetValue(rule.Key, out RulesetReader.Element element)
            && element.Destination.Equals(rule.Value));

    private static Dictionary<RedirectKey, RulesetReader.Element>? ReadElements(NftContext nft) =>
        TryListJson(nft) is { } json ? RulesetReader.ReadElements(json) : null;

    private static bool IsListedAs(NftContext nft, Standing standing) => Digest(List(nft, standing.Ruleset)) == standing.Listing;

    // By numbers, since to name a protocol libnftables reads a file each time. Where no rule asks for the clients, it does not matter who they are.
    private static string List(NftContext nft, Ruleset ruleset)
    {
        string table = WithoutLinks(TryRun(nft, ListTable, NftOutput.Terse | NftOutput.Stateless | NftOutput.Numeric) ?? "");
        if (ruleset.Clients is null)
        {
            return table;
        }

        string clients = string.Join('\n', ruleset.Families.Select(family => $"list set {RulesetNames.Table} {RulesetNames.Clients(family)}"));
        return table + TryRun(nft, clients, NftOutput.Stateless);
    }

    // Links come into a flowtable later, and leave it without a word.
    private static string WithoutLinks(string table) =>
        string.Join('\n', table.Split('\n').Where(line => !line.AsSpan().TrimStart().StartsWith("devices = ", StringComparison.Ordinal)));

    private static string Digest(Ruleset ruleset) => Digest(RulesetScript.Create(ruleset, replace: false));

    // Against chance only: who may write the notes may write the table.
    private static string Digest(string listing) => Convert.ToHexStringLower(XxHash128.Hash(Encoding.UTF8.GetBytes(listing)));

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

    /// <summary>What stands in the kernel.</summary>
    /// <param name="Ruleset">All of it.</param>
    /// <param name="Listing">
    /// The digest of how nft lists the chains and the clients. Its wording differs from ours and between versions, and it merges networks,
    /// so it is asked for after each script instead of being foretold. Elements are not in it.
    /// </param>
    /// <param name="Netns">Where; null where the kernel does not say, so that it is listed at each look.</param>
    /// <param name="Generation">As long as the generation stays the same, so does everything.</param>
    private sealed record Standing(Ruleset Ruleset, string Listing, ulong? Netns, uint Generation)
    {
        internal bool IsOf(NftConnection connection, uint generation) =>
            Netns is not null && Netns == connection.NetnsCookie && Generation == generation;
    }
}
