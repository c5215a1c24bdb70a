namespace EgressAgent.Model.Status;

/// <summary>The words for <see cref="RouterState"/>.</summary>
public static class RouterStates
{
    public static string ToText(this RouterState state) => state switch
    {
        RouterState.Pending => "pending",
        RouterState.Configuring => "configuring",
        RouterState.Active => "active",
        RouterState.Degraded => "degraded",
        RouterState.Failed => "failed",
        RouterState.Removing => "removing",
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, null),
    };
}
