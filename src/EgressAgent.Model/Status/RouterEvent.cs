namespace EgressAgent.Model.Status;

/// <summary>What became of a router at some time: one entry of its history.</summary>
/// <param name="Time">When.</param>
/// <param name="Generation">Which of its specs was meant to be in force.</param>
/// <param name="State">The state that it had from then on.</param>
/// <param name="Reason">Why, in one CamelCase word.</param>
/// <param name="Message">Why, in one sentence.</param>
public sealed record RouterEvent(DateTimeOffset Time, long Generation, RouterState State, string Reason, string Message)
{
    /// <summary>Whether both say the same, at whatever time.</summary>
    public bool SaysTheSameAs(RouterEvent other) => this == other with { Time = Time };
}
