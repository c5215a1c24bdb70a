namespace EgressAgent.Model.Status;

/// <summary>A router's state in one word. <see cref="RouterStates.ToText"/> gives the lower-case form that people see.</summary>
public enum RouterState
{
    /// <summary>Known, and waiting for something that the node does not have yet.</summary>
    Pending,

    /// <summary>Being built or changed.</summary>
    Configuring,

    /// <summary>In force, exactly as its file says.</summary>
    Active,

    /// <summary>In force, but not exactly as its file says, or not wholly.</summary>
    Degraded,

    /// <summary>Not in force: the kernel or the network refused something. It is tried again.</summary>
    Failed,

    /// <summary>Being taken away.</summary>
    Removing,

    /// <summary>Built, and silent on the physical network until it is claimed on this node.</summary>
    Standby,
}

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
        RouterState.Standby => "standby",
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, null),
    };
}
