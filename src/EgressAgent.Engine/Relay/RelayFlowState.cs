namespace EgressAgent.Engine.Relay;

/// <summary>Where a flow is in its life.</summary>
public enum RelayFlowState
{
    /// <summary>The destination has not answered yet.</summary>
    Connecting,

    /// <summary>Both sides may send. UDP associations always are.</summary>
    Established,

    /// <summary>TCP: one side has sent its FIN, the other may still send.</summary>
    HalfClosed,
}
