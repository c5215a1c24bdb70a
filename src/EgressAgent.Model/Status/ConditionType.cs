namespace EgressAgent.Model.Status;

/// <summary>The statements that are made of every router.</summary>
public enum ConditionType
{
    /// <summary>Clients reach destinations through it.</summary>
    Available,

    /// <summary>The agent is at work on it, or waits for the node.</summary>
    Progressing,

    /// <summary>Something is not as its file says, or not as it should be.</summary>
    Degraded,
}
