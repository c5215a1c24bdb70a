namespace EgressAgent.Testing.Instructions;

/// <summary>A router of an <see cref="InstructionLab"/>.</summary>
/// <param name="Name">As a table has it.</param>
/// <param name="Inside">Where the node reaches it.</param>
/// <param name="Reserved">The source that the server sees.</param>
/// <param name="Port">At which it is reached, by a port that is its own too. Those who shared one would cost each other instructions on both ends.</param>
/// <param name="Annotations">What its document says beside the two addresses; null for the one that is made by hand.</param>
public sealed record CountedRouter(string Name, string Inside, string Reserved, ushort Port, string? Annotations = null)
{
    /// <summary>Made with <c>ip</c> and one rule of <c>nft</c> each way: what the others are compared with.</summary>
    public static CountedRouter ByHand { get; } = new("router by hand", "10.99.0.2", "192.168.12.98", 9001);

    /// <summary>The agent's, one for each way in which it forwards. They are measured in this order.</summary>
    public static IReadOnlyList<CountedRouter> OfAgent { get; } =
    [
        new("kernel datapath", "198.18.0.2", "192.168.12.99", 9002, ""),
        new("with flow offload", "198.18.0.3", "192.168.12.97", 9003, ", egressagent.org/flow-offload: auto"),
    ];

    /// <summary>Whether established flows bypass its chains.</summary>
    public bool IsOffloading => Annotations?.Contains("flow-offload") == true;
}
