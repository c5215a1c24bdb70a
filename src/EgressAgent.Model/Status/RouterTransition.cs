using EgressAgent.Model.Planning;

namespace EgressAgent.Model.Status;

/// <summary>How a router's status became another one: what journal, bus, status line and history have to tell.</summary>
/// <param name="Key">The router.</param>
/// <param name="Before">Null for a router that is new.</param>
/// <param name="After">Null for a router that is removed.</param>
/// <param name="Time">When.</param>
public sealed record RouterTransition(RouterKey Key, RouterStatus? Before, RouterStatus? After, DateTimeOffset Time)
{
    /// <summary>The troubles that are new, or are worded anew.</summary>
    public IEnumerable<Trouble> Begun => After?.Troubles.Except(Before?.Troubles ?? []) ?? [];

    /// <summary>
    /// The troubles that are over. With a router's removal nothing is over that would be worth a word, and what was wrong with a holder is of
    /// no concern to a standby, mended or not.
    /// </summary>
    public IEnumerable<Trouble> Over => After is null ? [] : Before?.Troubles.Where(trouble => !After.Troubles.Any(trouble.IsSameAs)).Select(EndOf) ?? [];

    private Trouble EndOf(Trouble trouble) => After is { Desired.Role: FailoverRole.Standby }
        ? trouble with { End = $"over, since the router is standby: {trouble.Message}" }
        : trouble;

    /// <summary>Whether the router is in force now and was not, or in another way.</summary>
    public bool IsNewlyInForce => After is { IsInForce: true } && (Before is not { IsInForce: true } || Before.Desired != After.Desired);

    /// <summary>
    /// What it is in the router's history; null for what is no news there: that work is going on, and the removal, with which the history
    /// ends.
    /// </summary>
    public RouterEvent? Event => After is null or { State: RouterState.Configuring }
        ? null
        : new RouterEvent(Time, After.Generation, After.State, After.Cause.Reason, After.Cause.Message);
}
