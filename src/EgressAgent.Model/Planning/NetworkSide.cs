namespace EgressAgent.Model.Planning;

/// <summary>In which network namespace something of a router stands.</summary>
public enum NetworkSide
{
    /// <summary>The node's own, where the agent runs.</summary>
    Node,

    /// <summary>The router's.</summary>
    Router,
}
