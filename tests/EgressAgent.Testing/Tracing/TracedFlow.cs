namespace EgressAgent.Testing.Tracing;

/// <summary>An entry of connection tracking.</summary>
internal sealed class TracedFlow(FlowTuple original)
{
    private bool _isSourceDecided;
    private bool _isDestinationDecided;

    /// <summary>As its first packet came in.</summary>
    internal FlowTuple Original { get; } = original;

    /// <summary>As answers come in; NAT changes it.</summary>
    internal FlowTuple Reply { get; set; } = original.Inverse;

    internal bool HasReply { get; set; }

    /// <summary>By which links its packets bypass the chains, those of its own direction and answers; null while they do not.</summary>
    internal (string? Original, string? Reply)? OffloadedTo { get; private set; }

    /// <summary>IPS_SRC_NAT.</summary>
    internal bool HasSourceNat => !Reply.Destination.Equals(Original.Source);

    /// <summary>IPS_DST_NAT.</summary>
    internal bool HasDestinationNat => !Reply.Source.Equals(Original.Destination);

    /// <summary>Whether its first packet has been through the NAT chains of a hook.</summary>
    internal bool IsDecided(bool isSource) => isSource ? _isSourceDecided : _isDestinationDecided;

    internal void Decide(bool isSource)
    {
        _isSourceDecided |= isSource;
        _isDestinationDecided |= !isSource;
    }

    /// <summary>The flow is as one of its packets finds it.</summary>
    internal void Offload(Passage passage) => OffloadedTo = passage.IsReply ? (passage.In, passage.Out) : (passage.Out, passage.In);

    /// <summary>How a packet of one direction looks after NAT.</summary>
    internal FlowTuple Translated(bool isReply) => (isReply ? Original : Reply).Inverse;
}
