namespace EgressAgent.Model.Status;

/// <summary>What kind of event a trouble is.</summary>
public enum TroubleKind
{
    /// <summary>The node lacks something without which the router cannot be built.</summary>
    Waiting,

    /// <summary>The kernel or the network refused something, or the state could not be saved. It is tried again.</summary>
    Failed,

    /// <summary>Another host has an address that the router would take.</summary>
    Held,

    /// <summary>The router is in force, but something of it does not work.</summary>
    Shortcoming,

    /// <summary>Another host uses an address that the router holds.</summary>
    Contested,

    /// <summary>Somebody keeps undoing what the agent repairs.</summary>
    Fight,
}

/// <summary>Something about a router that an operator may act on, as long as it stands.</summary>
/// <param name="Kind">As which event it is told.</param>
/// <param name="Reason">CamelCase, for a condition's reason.</param>
/// <param name="Message">What is the matter, and what would mend it.</param>
/// <param name="Subject">What it is about, where there may be several with one reason.</param>
/// <param name="End">What to say when it is over, where there is more to say than that.</param>
public sealed record Trouble(TroubleKind Kind, string Reason, string Message, string Subject = "", string? End = null)
{
    internal bool IsSameAs(Trouble other) => (Kind, Reason, Subject) == (other.Kind, other.Reason, other.Subject);
}
