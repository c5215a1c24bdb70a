namespace EgressAgent.Testing.Beside;

/// <summary>Where a client of a router is.</summary>
public enum ClientKind
{
    /// <summary>A process on the node.</summary>
    Node,

    /// <summary>Behind the node, which forwards what it sends.</summary>
    RoutedSubnet,

    /// <summary>On the node's LAN; it connects to an external address of a Service.</summary>
    LanHost,

    /// <summary>In a container, behind the bridge of its engine, which masquerades it, and lets the node forward.</summary>
    Container,
}
