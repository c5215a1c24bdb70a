using System.Net;

namespace EgressAgent.Testing.Tracing;

/// <summary>One direction of a flow, as connection tracking knows it.</summary>
public readonly record struct FlowTuple(string Protocol, IPEndPoint Source, IPEndPoint Destination)
{
    /// <summary>What an answer looks like.</summary>
    public FlowTuple Inverse => new(Protocol, Destination, Source);
}
