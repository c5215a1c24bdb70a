namespace EgressAgent.Model.Resources;

/// <summary>Whether other nodes can take a router's addresses over.</summary>
public enum FailoverMode
{
    /// <summary>The router is on this node alone.</summary>
    None,

    /// <summary>The router is silent until it is claimed, which keepalived, Pacemaker or a person does, on one node at a time.</summary>
    Manual,

    /// <summary>The router is silent until the agents of the cluster agree that this node holds it.</summary>
    Cluster,
}
