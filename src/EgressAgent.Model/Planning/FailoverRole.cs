namespace EgressAgent.Model.Planning;

/// <summary>What a node is to a router that several nodes have.</summary>
public enum FailoverRole
{
    /// <summary>No other node has it.</summary>
    None,

    /// <summary>Another node may have the router's addresses: all is built here, and nothing is sent on the physical network.</summary>
    Standby,

    /// <summary>The router was claimed here.</summary>
    Holder,
}

/// <summary>The words for <see cref="FailoverRole"/>.</summary>
public static class FailoverRoles
{
    public static string ToText(this FailoverRole role) => role switch
    {
        FailoverRole.None => "none",
        FailoverRole.Standby => "standby",
        FailoverRole.Holder => "holder",
        _ => throw new ArgumentOutOfRangeException(nameof(role), role, null),
    };
}
