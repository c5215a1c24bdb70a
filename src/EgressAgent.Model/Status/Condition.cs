namespace EgressAgent.Model.Status;

/// <summary>One statement about a router, as in the resource's <c>status.conditions</c>.</summary>
/// <param name="Type">What is stated.</param>
/// <param name="Status">True, false, or null for Unknown.</param>
/// <param name="Reason">One CamelCase word for machines.</param>
/// <param name="Message">One sentence for people.</param>
/// <param name="LastTransition">When <paramref name="Status"/> last changed.</param>
public sealed record Condition(ConditionType Type, bool? Status, string Reason, string Message, DateTimeOffset LastTransition)
{
    /// <summary><c>True</c>, <c>False</c> or <c>Unknown</c>.</summary>
    public string StatusText => Status switch
    {
        true => "True",
        false => "False",
        null => "Unknown",
    };
}

/// <summary>The statements that are made of every router.</summary>
public enum ConditionType
{
    /// <summary>Clients reach destinations through it.</summary>
    Available,

    /// <summary>The agent is at work on it, or waits for the node.</summary>
    Progressing,

    /// <summary>Something is not as its file says, or not as it should be.</summary>
    Degraded,

    /// <summary>The gateway of each family answers.</summary>
    GatewayReachable,

    /// <summary>Nothing on the node keeps the clients that are expected from it.</summary>
    ClientsReachable,
}
