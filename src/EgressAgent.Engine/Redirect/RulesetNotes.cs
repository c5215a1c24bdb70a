using System.Globalization;
using EgressAgent.Model;

namespace EgressAgent.Engine.Redirect;

/// <summary>
/// What an agent notes of each table that it leaves in the kernel, for the next one: a table that still is as it is noted need not be
/// listed. Whatever cannot be read, or says something else, is no note. Thread-safe for different routers.
/// </summary>
/// <param name="runtime">The directory for what lasts until the next boot.</param>
internal sealed class RulesetNotes(string runtime)
{
    private readonly RouterNotes _notes = new(runtime, "rulesets");

    /// <summary>Null when there is none of this boot.</summary>
    internal RulesetNote? Find(RouterKey key) =>
        _notes.Find(key) is [var netns, var generation, var ruleset, var listing]
            && ulong.TryParse(netns, CultureInfo.InvariantCulture, out ulong cookie) && uint.TryParse(generation, CultureInfo.InvariantCulture, out uint number)
                ? new RulesetNote(cookie, number, ruleset, listing)
                : null;

    /// <inheritdoc cref="RouterNotes.Write"/>
    internal void Write(RouterKey key, RulesetNote note) =>
        _notes.Write(key, string.Create(CultureInfo.InvariantCulture, $"{note.Netns} {note.Generation} {note.Ruleset} {note.Listing}"));

    /// <inheritdoc cref="RouterNotes.Remove"/>
    internal void Remove(RouterKey key) => _notes.Remove(key);
}

/// <summary>A table as an agent left it; all flows followed its plan.</summary>
/// <param name="Netns">In which namespace: <see cref="Linux.Nftables.NftConnection.NetnsCookie"/>.</param>
/// <param name="Generation">Of the ruleset there. As long as it stays the same, so does the table.</param>
/// <param name="Ruleset">The digest of the script that makes it.</param>
/// <param name="Listing">The digest of how nft lists the chains and the clients.</param>
internal sealed record RulesetNote(ulong Netns, uint Generation, string Ruleset, string Listing);
